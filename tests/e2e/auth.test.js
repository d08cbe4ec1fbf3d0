// Who may call: tokens, certificates, roles and quotas, for every method, from a client of another make.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, details, failure, grpc, status, tamiz as api } from './support/client.js';
import { run, tamiz } from './support/process.js';
import { Server, binDir, media, mediaDir, temporaryDirectory } from './support/server.js';

const roles = ['scan', 'lists.read', 'lists.write', 'export', 'admin'];
let work;
let server;
const tokens = {};
const at = (name) => path.join(work, name);

async function newToken(name) {
  const { code, stdout, stderr } = await run(path.join(binDir, 'tamizd'), ['--new-token']);
  assert.equal(code, 0, stderr);
  tokens[name] = stdout.trim();
  fs.writeFileSync(at(`${name}.token`), stdout, { mode: 0o600 });
  return stderr.trim();  // token_sha256 = ["…"]
}

const principal = (name, its, sum, more = '') =>
  `[[auth.principal]]\nname = "${name}"\nroles = ${JSON.stringify(its)}\n${sum}\n${more}\n`;

// A client that shows `token`.
function client(address, token) {
  const metadata = new grpc.Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  return { made: new Client(address), metadata };
}

before(async () => {
  work = temporaryDirectory();
  let config = '';
  for (const role of roles) {
    config += principal(`only-${role}`, [role], await newToken(`only-${role}`));
    config += principal(`but-${role}`, roles.filter((other) => other !== role), await newToken(`but-${role}`));
  }
  config += principal('slow', ['scan'], await newToken('slow'), 'max_calls_per_second = 2');
  fs.writeFileSync(at('tamiz.toml'), config);
  server = await Server.start({ configFile: at('tamiz.toml') });
});
after(async () => {
  await server?.stop();
  fs.rmSync(work, { recursive: true, force: true });
});

// Every method of every service, as the proto files have them, and the role that it needs.
const needed = (service, method) => {
  if (service === 'AdminService' || /^(Add|Remove|Test)Exchange$/.test(method)) return 'admin';
  if (method === 'ExportEntries') return 'export';
  if (['ScanService', 'HashService'].includes(service)) return 'scan';
  return /^(Get|List|Diff)/.test(method) ? 'lists.read' : 'lists.write';
};
const services = Object.entries(api.v1).filter(([, it]) => it.service);

// Calls a method of any kind with nothing in it; resolves to the error, or to null.
function attempt(address, Service, method, token) {
  const { metadata } = client(address, token);
  const stub = new Service(address, grpc.credentials.createInsecure());
  const { requestStream, responseStream } = Service.service[method];
  return new Promise((resolve) => {
    const done = (error) => { stub.close(); resolve(error ?? null); };
    const options = { deadline: Date.now() + 30_000 };
    if (!responseStream) {
      const call = requestStream ? stub[method](metadata, options, done) : stub[method]({}, metadata, options, done);
      if (requestStream) { call.on('error', () => {}); call.end(); }
      return;
    }
    const call = requestStream ? stub[method](metadata, options) : stub[method]({}, metadata, options);
    call.on('data', () => {});
    call.on('error', done);
    call.on('end', () => done());
    if (requestStream) call.end();
  });
}

test('every method of every service refuses whom it should', async () => {
  let methods = 0;
  for (const [name, Service] of services) {
    for (const method of Object.keys(Service.service)) {
      methods += 1;
      const where = `${name}/${method}`;
      const role = needed(name, method);
      const none = await attempt(server.address, Service, method);
      assert.equal(none?.code, status.UNAUTHENTICATED, where);
      assert.equal(details(none).ErrorInfo.reason, 'CREDENTIALS_MISSING', where);
      const wrong = await attempt(server.address, Service, method, 'tamiz_guess');
      assert.equal(wrong?.code, status.UNAUTHENTICATED, where);
      assert.equal(details(wrong).ErrorInfo.reason, 'TOKEN_UNKNOWN', where);
      assert.doesNotMatch(wrong.message, /guess/);
      const denied = await attempt(server.address, Service, method, tokens[`but-${role}`]);
      assert.equal(denied?.code, status.PERMISSION_DENIED, `${where}: ${denied?.message}`);
      assert.equal(details(denied).ErrorInfo.reason, 'ROLE_MISSING', where);
      const allowed = await attempt(server.address, Service, method, tokens[`only-${role}`]);
      assert.ok(![status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.UNIMPLEMENTED].includes(allowed?.code),
        `${where}: ${allowed?.message}`);
    }
  }
  assert.ok(methods >= 23, `${methods} methods`);
  assert.ok(await server.metric('tamiz_principal_calls_total', 'principal="unauthenticated"') >= 2 * methods);
});

test('health is open', async () => {
  const { made } = client(server.address);
  assert.equal((await made.call(made.health, 'Check', { service: '' })).status, 'SERVING');
  made.close();
});

test('a quota is refused with the time to come back', async () => {
  const { made, metadata } = client(server.address, tokens.slow);
  const outcomes = await Promise.all(Array.from({ length: 10 },
    () => made.call(made.scans, 'ListFormats', {}, { metadata }).then(() => null, (error) => error)));
  const refused = outcomes.filter(Boolean);
  assert.ok(refused.length >= 5 && refused.length < 10, `${refused.length} refused`);
  for (const error of refused) {
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    assert.equal(details(error).ErrorInfo.reason, 'QUOTA_CALLS_PER_SECOND');
    assert.ok(details(error).RetryInfo.retry_delay.nanos > 0);
  }
  made.close();
});

test('the tamiz client shows its token and says what is wrong', async () => {
  const known = await tamiz(server, ['scan', '--token-file', at('only-scan.token'), path.join(mediaDir, 'original.jpg')]);
  assert.equal(known.code, 0, known.stderr);
  const none = await tamiz(server, ['scan', path.join(mediaDir, 'original.jpg')]);
  assert.equal(none.code, 1);
  assert.match(none.stdout + none.stderr, /UNAUTHENTICATED.*--token-file/s);
  const denied = await tamiz(server, ['status', '--token-file', at('only-scan.token')]);
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /PERMISSION_DENIED: AdminService\/GetStatus needs the role "admin".*ROLE_MISSING/);
  const wrong = await tamiz(server, ['status', '--json'], { environment: { TAMIZ_TOKEN_FILE: at('tamiz.toml') } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /"code":"UNAUTHENTICATED"/);
});

test('a reload takes over tokens without a restart; nothing secret is in the log', async () => {
  const before = fs.readFileSync(at('tamiz.toml'), 'utf8');
  const old = tokens['only-scan'];
  const sum = await newToken('only-scan');
  fs.writeFileSync(at('tamiz.toml'), before.replace(/(name = "only-scan"\nroles = .*\n).*\n/, `$1${sum}\n`));
  const reload = await tamiz(server, ['reload', '--token-file', at('only-admin.token')]);
  assert.equal(reload.code, 0, reload.stderr);
  assert.match(reload.stdout, /auth\.principal/);
  const { made, metadata } = client(server.address, tokens['only-scan']);
  assert.ok(await made.scanBytes(media('original.jpg'), {}, { metadata }));
  await failure(made.call(made.scans, 'ListFormats', {}, { metadata: client(server.address, old).metadata }), status.UNAUTHENTICATED);
  made.close();
  const log = server.log.join('\n');
  for (const token of [old, ...Object.values(tokens)]) assert.ok(!log.includes(token));
});

test('without principals the service says that it is open', async () => {
  const open = await Server.start();
  try {
    assert.match(open.log.join('\n'), /no principals are configured: whoever reaches the port may call every method/);
  } finally {
    await open.stop();
  }
});
