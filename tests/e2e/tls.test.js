// TLS, client certificates, and no clear text beyond loopback.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';

import { Certificates } from './support/certificates.js';
import { Client, details, failure, grpc, status, until } from './support/client.js';
import { run } from './support/process.js';
import { Server, binDir, media, temporaryDirectory } from './support/server.js';

let directory;
let server;
const at = (name) => path.join(directory, name);

let certificates;
const authority = (name) => certificates.authority(name);
const certificate = (file, options) => certificates.certificate(file, options);

before(async () => {
  directory = temporaryDirectory();
  certificates = new Certificates(directory);
  await authority('ca');
  await certificate('server');
  await certificate('client');
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
const showing = (file, ca = 'ca') => grpc.credentials.createSsl(read(`${ca}.pem`), read(`${file}.key`), read(`${file}.pem`));
// The certificate that a new connection gets.
function served(port) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca: read('ca.pem'), key: read('client.key'), cert: read('client.pem'), ALPNProtocols: ['h2'] },
      () => { resolve(socket.getPeerCertificate().subject.CN); socket.end(); });
    socket.on('error', reject);
  });
}

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
  const options = ['--tls-ca', at('ca.pem'), '--tls-cert', at('client.pem'), '--tls-key', at('client.key')];
  const call = (...args) => run(path.join(binDir, 'tamiz'), ['--server', server.address, '--timeout', '5s', ...args]);
  assert.equal((await call(...options, 'status')).code, 0);
  assert.equal((await call(...options, '--tls-server-name', 'tamiz.test', 'status')).code, 0);
  assert.equal((await call(...options, '--tls-server-name', 'other.test', 'status')).code, 1);
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

test('a certificate is its principal; unknown, expired and foreign ones are refused', async () => {
  await certificate('uploads', { names: 'URI:spiffe://example.org/uploads' });
  await certificate('curators', { names: 'DNS:curators.example.org' });
  await certificate('stranger', { names: 'URI:spiffe://example.org/stranger' });
  await certificate('expired', { days: -1, names: 'URI:spiffe://example.org/uploads' });
  await authority('foreign');
  await certificate('forged', { ca: 'foreign', names: 'URI:spiffe://example.org/uploads' });
  fs.writeFileSync(at('mtls.toml'), `
[server]
tls_certificate_file = "${at('server.pem')}"
tls_key_file = "${at('server.key')}"
tls_client_ca_file = "${at('ca.pem')}"
tls_client_certificates = "optional"
[[auth.principal]]
name = "uploads"
certificates = ["uri:spiffe://example.org/uploads"]
roles = ["scan"]
[[auth.principal]]
name = "curators"
certificates = ["dns:curators.example.org"]
roles = ["lists.read"]
[[auth.principal]]
name = "by-cn"
certificates = ["cn:client"]
roles = ["admin"]
`);
  const strict = await Server.start({ configFile: at('mtls.toml') });
  const as = async (credentials, use) => {
    const client = new Client(strict.address, credentials);
    try { return await use(client); } finally { client.close(); }
  };
  const formats = (client) => client.call(client.scans, 'ListFormats', {}, { seconds: 5 });
  const lists = (client) => client.call(client.lists, 'ListLists', {}, { seconds: 5 });
  try {
    assert.ok((await as(showing('uploads'), formats)).formats.length > 0);
    const denied = await failure(as(showing('uploads'), lists), status.PERMISSION_DENIED);
    assert.equal(details(denied).ErrorInfo.reason, 'ROLE_MISSING');
    assert.ok(await as(showing('curators'), lists));
    assert.ok(await as(showing('client'), (client) => client.call(client.admin, 'GetStatus')));
    const stranger = await failure(as(showing('stranger'), formats), status.UNAUTHENTICATED);
    assert.equal(details(stranger).ErrorInfo.reason, 'CERTIFICATE_UNKNOWN');
    const none = await failure(as(grpc.credentials.createSsl(read('ca.pem')), formats), status.UNAUTHENTICATED);
    assert.equal(details(none).ErrorInfo.reason, 'CREDENTIALS_MISSING');
    for (const bad of ['expired', 'forged']) await failure(as(showing(bad), formats), status.UNAVAILABLE, status.DEADLINE_EXCEEDED);
    const cli = await run(path.join(binDir, 'tamiz'), ['--server', strict.address, '--tls-ca', at('ca.pem'), '--tls-cert', at('stranger.pem'),
      '--tls-key', at('stranger.key'), 'formats']);
    assert.equal(cli.code, 1);
    assert.match(cli.stderr, /UNAUTHENTICATED.*CERTIFICATE_UNKNOWN/);
  } finally {
    await strict.stop();
  }
});

test('a new certificate is taken over without a restart, and a broken one is not', async () => {
  await certificate('second');
  fs.copyFileSync(at('server.pem'), at('live.pem'));
  fs.copyFileSync(at('server.key'), at('live.key'));
  fs.copyFileSync(at('ca.pem'), at('live-ca.pem'));
  const live = await Server.start({ environment: {
    TAMIZ__SERVER__TLS_CERTIFICATE_FILE: at('live.pem'),
    TAMIZ__SERVER__TLS_KEY_FILE: at('live.key'),
    TAMIZ__SERVER__TLS_CLIENT_CA_FILE: at('live-ca.pem'),
  } });
  const old = new Client(live.address, showing('client'));
  const stream = old.scans.ScanMany(new grpc.Metadata());
  const answers = [];
  stream.on('data', (answer) => answers.push(answer));
  stream.on('error', () => {});
  const ask = async (id) => {
    stream.write({ request: { request_id: id, content: media('original.jpg') } });
    await until(`answer ${id}`, () => answers.some((answer) => answer.request_id === id && answer.result));
  };
  try {
    await ask('1');
    assert.equal(await served(live.port), 'server');
    const expiry = await live.metric('tamiz_tls_certificate_expiry_timestamp_seconds');
    assert.ok(expiry > Date.now() / 1000 && expiry < Date.now() / 1000 + 3 * 86400);

    // Half replaced: the key of another certificate.
    fs.copyFileSync(at('second.key'), at('live.key'));
    await failure(old.call(old.admin, 'ReloadConfig'), status.INVALID_ARGUMENT);
    assert.equal(await served(live.port), 'server');
    assert.equal(await live.metric('tamiz_tls_reloads_total', 'failed'), 1);
    assert.match(live.log.join('\n'), /the new TLS files cannot be used.*is not that of the certificate/);

    // The other half: now they fit.
    fs.copyFileSync(at('second.pem'), at('live.pem'));
    live.process.kill('SIGHUP');
    await until('the new certificate is served', async () => (await served(live.port)) === 'second');
    assert.equal(await live.metric('tamiz_tls_reloads_total', 'succeeded'), 1);

    // Who is trusted may change too: only new connections see it.
    await authority('other');
    await certificate('newcomer', { ca: 'other' });
    fs.copyFileSync(at('other.pem'), at('live-ca.pem'));
    await old.call(old.admin, 'ReloadConfig');
    const newcomer = new Client(live.address, showing('newcomer'));
    assert.ok(await newcomer.call(newcomer.admin, 'GetStatus'));
    newcomer.close();
    const late = new Client(live.address, showing('client'));
    await failure(late.call(late.admin, 'GetStatus', {}, { seconds: 5 }), status.UNAVAILABLE, status.DEADLINE_EXCEEDED);
    late.close();

    // The stream from before all that lives on.
    await ask('2');
    fs.writeFileSync(at('live.pem'), 'rubbish');
    await failure(old.call(old.admin, 'ReloadConfig'), status.INVALID_ARGUMENT);
    await ask('3');
  } finally {
    stream.end();
    old.close();
    await live.stop();
  }
});

test('a wrong configuration stops the start with key and range', async () => {
  await assert.rejects(Server.start({ environment: { TAMIZ__ADMISSION__MAX_QUEUED: '-5' } }), /admission\.max_queued/);
  await assert.rejects(Server.start({ environment: { TAMIZ__NO__SUCH_KEY: '1' } }), /no\.such_key/i);
});
