// A real nginx with TLS on a free port, and an authority of its own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { run } from './process.js';
import { temporaryDirectory } from './server.js';

export const freePort = () => new Promise((resolve, reject) => {
  const server = net.createServer();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

// Makes NAME.pem and NAME.key in `directory`, signed by the authority ca.pem, which is made with the first.
export async function certificate(directory, name, hosts) {
  const openssl = async (...args) => {
    const { code, stderr } = await run('openssl', args, { cwd: directory });
    if (code !== 0) throw new Error(stderr);
  };
  if (!fs.existsSync(path.join(directory, 'ca.pem'))) {
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test ca', '-keyout', 'ca.key', '-out', 'ca.pem');
  }
  fs.writeFileSync(path.join(directory, `${name}.ext`), `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}\n`);
  await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
}

export class Nginx {
  // `servers`: a function of the ports that gives nginx's server blocks. Files are served from `root`.
  static async start({ servers, directory = temporaryDirectory() }) {
    const nginx = new Nginx();
    nginx.directory = directory;
    nginx.root = path.join(directory, 'root');
    fs.mkdirSync(nginx.root, { recursive: true });
    nginx.https = await freePort();
    nginx.http = await freePort();
    const configuration = path.join(directory, 'nginx.conf');
    fs.writeFileSync(configuration, `
daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 256; }
http {
  access_log ${directory}/access.log; default_type application/octet-stream; sendfile off;
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3;
  uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  ${servers({ https: nginx.https, http: nginx.http, root: nginx.root, directory })}
}
`);
    nginx.process = spawn('nginx', ['-p', directory, '-e', `${directory}/error.log`, '-c', configuration], { stdio: 'ignore' });
    nginx.exited = new Promise((resolve) => { nginx.process.once('exit', resolve); nginx.process.once('error', resolve); });
    let ended = false;
    nginx.exited.then(() => { ended = true; });
    for (let tries = 0; ; tries += 1) {
      if (ended || tries > 400) throw new Error(`nginx does not run: ${fs.readFileSync(`${directory}/error.log`, 'utf8')}`);
      const open = await new Promise((resolve) => {
        const socket = net.connect(nginx.https, '127.0.0.1', () => { socket.destroy(); resolve(true); });
        socket.once('error', () => resolve(false));
      });
      if (open) return nginx;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  log() { return fs.readFileSync(path.join(this.directory, 'access.log'), 'utf8'); }

  async stop() {
    this.process.kill('SIGTERM');
    await this.exited;
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}
