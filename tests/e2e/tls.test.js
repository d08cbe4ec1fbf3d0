// TLS, client certificates, and no clear text beyond loopback.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, failure, grpc, status } from './support/client.js';
import { run } from './support/process.js';
import { Server, binDir, temporaryDirectory } from './support/server.js';

let directory;
let server;
const at = (name) => path.join(directory, name);

before(async () => {
  directory = temporaryDirectory();
  const openssl = async (...args) => {
    const { code, stderr } = await run('openssl', args, { cwd: directory });
    assert.equal(code, 0, stderr);
  };
  await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test ca', '-keyout', 'ca.key', '-out', 'ca.pem');
  for (const name of ['server', 'client']) {
    await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    fs.writeFileSync(at('extensions'), 'subjectAltName=DNS:tamiz.test,IP:127.0.0.1\n');
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
      '-extfile', 'extensions', '-out', `${name}.pem`);
  }
  server = await Server.start({ environment: {
    TAMIZ__SERVER__TLS_CERTIFICATE_FILE: at('server.pem'),
    TAMIZ__SERVER__TLS_KEY_FILE: at('server.key'),
    TAMIZ__SERVER__TLS_CLIENT_CA_FILE: at('ca.pem'),
  } });
});
after(async () => {
  await server?.stop();
  if (directory) fs.rmSync(directory, { recursive: true, force: true });
});

const read = (name) => fs.readFileSync(at(name));

test('a client with a certificate is served, one without is not', async () => {
  const known = new Client(server.address, grpc.credentials.createSsl(read('ca.pem'), read('client.key'), read('client.pem')));
  assert.equal((await known.call(known.admin, 'GetStatus')).ready, true);
  known.close();
  const anonymous = new Client(server.address, grpc.credentials.createSsl(read('ca.pem')));
  await failure(anonymous.call(anonymous.admin, 'GetStatus', {}, { seconds: 5 }), status.UNAVAILABLE, status.DEADLINE_EXCEEDED);
  anonymous.close();
  const clear = new Client(server.address);
  await failure(clear.call(clear.admin, 'GetStatus', {}, { seconds: 5 }), status.UNAVAILABLE, status.DEADLINE_EXCEEDED);
  clear.close();
});

test('the tamiz client speaks TLS and checks the name', async () => {
  const tls = ['--tls-ca', at('ca.pem'), '--tls-cert', at('client.pem'), '--tls-key', at('client.key')];
  const call = (...args) => run(path.join(binDir, 'tamiz'), ['--server', server.address, '--timeout', '5s', ...args]);
  assert.equal((await call(...tls, 'status')).code, 0);
  assert.equal((await call(...tls, '--tls-server-name', 'tamiz.test', 'status')).code, 0);
  assert.equal((await call(...tls, '--tls-server-name', 'other.test', 'status')).code, 1);
  assert.equal((await call('status')).code, 1);
});

test('without TLS the server refuses to listen on anything but loopback', async () => {
  await assert.rejects(Server.start({ listen: '0.0.0.0:0' }).then((one) => one.stop()), /exited before it listened/);
  const open = await Server.start({ listen: '0.0.0.0:0', environment: { TAMIZ__SERVER__ALLOW_INSECURE_NON_LOOPBACK: 'true' } });
  const client = new Client(open.address);
  try {
    assert.equal((await client.call(client.admin, 'GetStatus')).ready, true);
  } finally {
    client.close();
    await open.stop();
  }
});

test('a wrong configuration stops the start with key and range', async () => {
  await assert.rejects(Server.start({ environment: { TAMIZ__ADMISSION__MAX_QUEUED: '-5' } }), /admission\.max_queued/);
  await assert.rejects(Server.start({ environment: { TAMIZ__NO__SUCH_KEY: '1' } }), /no\.such_key/i);
});
