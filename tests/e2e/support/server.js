// Starts the built tamizd as a process of its own, on free ports and with a data directory of its own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

export const sourceDir = process.env.TAMIZ_SOURCE_DIR ?? fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
export const binDir = process.env.TAMIZ_BIN_DIR ?? path.join(sourceDir, 'build/dev/bin');
export const mediaDir = process.env.TAMIZ_E2E_MEDIA ?? path.join(sourceDir, 'var/demo');
// Programs with sanitizers are several times slower.
export const slowdown = process.env.TAMIZ_SANITIZED === '1' ? 4 : 1;

export const media = (name) => fs.readFileSync(path.join(mediaDir, name));

export function temporaryDirectory(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tamiz-e2e-'));
  t?.after?.(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export class Server {
  // `environment`: TAMIZ__SECTION__KEY settings; `dataDir`: kept by the caller if given; `within`: a program and its
  // arguments that execute the server as the rest of their command line.
  static async start({ environment = {}, dataDir, listen = '127.0.0.1:0', configFile, within = [] } = {}) {
    const server = new Server();
    server.ownsDataDir = dataDir === undefined;
    server.dataDir = dataDir ?? temporaryDirectory();
    server.log = [];
    const args = ['--data-dir', server.dataDir, '--listen', listen, '--metrics-listen', '127.0.0.1:0'];
    if (configFile) args.push('--config', configFile);
    const [program, ...rest] = [...within, path.join(binDir, 'tamizd'), ...args];
    server.process = spawn(program, rest,
      { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    server.exited = new Promise((resolve) => {
      server.process.once('exit', (code, signal) => resolve({ code, signal }));
      server.process.once('error', (error) => { server.log.push(String(error)); resolve({ code: -1, signal: null }); });
    });
    const ready = new Promise((resolve) => {
      const ports = {};
      const onLine = (line) => {
        server.log.push(line);
        let entry;
        try { entry = JSON.parse(line); } catch { return; }
        if (entry.message === 'listening') ports[entry.service] = Number(entry.port);
        if (ports.grpc && ports.metrics) resolve(ports);
      };
      readline.createInterface({ input: server.process.stderr }).on('line', onLine);
      readline.createInterface({ input: server.process.stdout }).on('line', onLine);
    });
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(() => resolve('late'), 60_000 * slowdown); });
    const listening = await Promise.race([ready, late, server.exited.then(() => 'exited')]);
    clearTimeout(timer);
    if (typeof listening === 'string') {
      server.process.kill('SIGKILL');
      throw new Error(`tamizd ${listening} before it listened:\n${server.log.slice(-20).join('\n')}`);
    }
    server.port = listening.grpc;
    server.metricsPort = listening.metrics;
    server.address = `127.0.0.1:${server.port}`;
    await server.untilReady();
    return server;
  }

  // The self-test runs after the start; before it has passed, uploads are scanned but health is NOT_SERVING.
  async untilReady() {
    const end = Date.now() + 60_000 * slowdown;
    while (this.running) {
      const response = await fetch(`http://127.0.0.1:${this.metricsPort}/healthz`);
      if (response.status === 200) return;
      if (Date.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.kill();
    throw new Error(`tamizd did not become ready:\n${this.log.slice(-20).join('\n')}`);
  }

  get pid() { return this.process.pid; }
  get running() { return this.process.exitCode === null && this.process.signalCode === null; }

  // Ends it in order; returns { code, signal }.
  async stop() {
    if (this.running) this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 60_000);
    const exit = await this.exited;
    clearTimeout(timer);
    if (this.ownsDataDir) fs.rmSync(this.dataDir, { recursive: true, force: true });
    return exit;
  }

  async kill() {
    this.process.kill('SIGKILL');
    return this.exited;
  }

  async metrics() {
    const response = await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`);
    return response.text();
  }

  // Sum over all series of a metric whose labels contain `labels`.
  async metric(name, labels = '') {
    let sum = 0;
    for (const line of (await this.metrics()).split('\n')) {
      const found = /^([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line);
      if (found && found[1] === name && (found[2] ?? '').includes(labels)) sum += Number(found[3]);
    }
    return sum;
  }
}
