// A PostgreSQL of the test's own: Debian's programs, an unprivileged user, a free port on loopback.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

function binDir() {
  const root = '/usr/lib/postgresql';
  const versions = fs.existsSync(root) ? fs.readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  if (versions.length === 0) throw new Error('PostgreSQL is not installed: deploy/install-packages.sh test');
  return path.join(root, versions[0], 'bin');
}

// PostgreSQL refuses to run as root.
function user() {
  if (process.getuid() !== 0) return {};
  const line = fs.readFileSync('/etc/passwd', 'utf8').split('\n').find((one) => one.startsWith('postgres:'));
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Postgres {
  // `tls`: { certificate, key, ca } files; then it takes connections over the network with TLS, a password and a
  // client's certificate of that authority only.
  static async start({ tls, password } = {}) {
    const postgres = new Postgres();
    postgres.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tamiz-pg-'));
    postgres.port = await freePort();
    const { uid, gid } = user();
    if (uid !== undefined) fs.chownSync(postgres.folder, uid, gid);
    execFileSync(path.join(binDir(), 'initdb'),
      ['-D', postgres.data, '-A', 'trust', '-U', 'tamiz', '-E', 'UTF8', '--locale=C', '--no-sync'],
      { ...user(), cwd: postgres.folder, stdio: 'pipe' });
    postgres.settings = tls ? postgres.useTls(tls) : [];
    await postgres.run();
    if (password) postgres.query(`ALTER ROLE tamiz PASSWORD '${password}'`);
    return postgres;
  }

  get data() { return path.join(this.folder, 'data'); }
  url(port = this.port) { return `postgresql://tamiz@127.0.0.1:${port}/postgres`; }

  useTls(files) {
    const { uid, gid } = user();
    const settings = ['-c', 'ssl=on'];
    for (const [name, option] of [['certificate', 'ssl_cert_file'], ['key', 'ssl_key_file'], ['ca', 'ssl_ca_file']]) {
      const copy = path.join(this.folder, name);
      fs.copyFileSync(files[name], copy);
      fs.chmodSync(copy, 0o600);
      if (uid !== undefined) fs.chownSync(copy, uid, gid);
      settings.push('-c', `${option}=${copy}`);
    }
    fs.writeFileSync(path.join(this.data, 'pg_hba.conf'),
      'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n');
    return settings;
  }

  // Starts the server (again).
  async run() {
    fs.rmSync(path.join(this.data, 'postmaster.pid'), { force: true });
    this.process = spawn(path.join(binDir(), 'postgres'),
      ['-D', this.data, '-p', String(this.port), '-k', this.folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', ...this.settings],
      { ...user(), cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
    this.log = '';
    this.process.stderr.on('data', (part) => { this.log += part; });
    this.exited = new Promise((resolve) => this.process.once('exit', resolve));
    const end = Date.now() + 60_000;
    while (!this.log.includes('ready to accept connections')) {
      if (Date.now() > end || this.process.exitCode !== null) throw new Error(`postgres did not start:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  // SIGINT ends it in order and at once; SIGKILL as if the power went.
  async stop(signal = 'SIGINT') {
    this.process.kill(signal);
    await this.exited;
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.stop('SIGQUIT');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  // By its socket, where nothing is asked for.
  query(sql) {
    return execFileSync(path.join(binDir(), 'psql'), ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.folder, '-p', String(this.port), '-U', 'tamiz', '-d', 'postgres', '-c', sql],
      { encoding: 'utf8' }).trim();
  }
}

// Passes TCP on; can cut connections and refuse new ones, or swallow everything in silence.
export class Proxy {
  static async start(targetPort) {
    const proxy = new Proxy();
    proxy.targetPort = targetPort;
    proxy.mode = 'pass';  // 'refuse', 'silent'
    proxy.pairs = new Set();
    proxy.server = net.createServer((client) => proxy.accept(client)).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.server.once('listening', resolve));
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  accept(client) {
    client.on('error', () => {});
    if (this.mode === 'refuse') { client.destroy(); return; }
    const server = net.connect(this.targetPort, '127.0.0.1');
    server.on('error', () => client.destroy());
    const pair = { client, server };
    this.pairs.add(pair);
    const forward = (from, to) => from.on('data', (part) => { if (this.mode !== 'silent') to.write(part); });
    forward(client, server);
    forward(server, client);
    for (const end of [client, server]) {
      end.on('close', () => { client.destroy(); server.destroy(); this.pairs.delete(pair); });
    }
  }

  cut() { for (const { client, server } of this.pairs) { client.resetAndDestroy(); server.destroy(); } }

  async close() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
