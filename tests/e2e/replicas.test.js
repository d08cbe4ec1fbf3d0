// Two tamizd on one PostgreSQL: what one changes, the other answers; and what happens while the database is gone.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, details, failure, status, until } from './support/client.js';
import { FakeNcmec } from './support/exchanges.js';
import { Postgres, Proxy } from './support/postgres.js';
import { Server, media, slowdown, temporaryDirectory } from './support/server.js';

let postgres;
let secrets;
let proxy;  // between the first replica and the database
let servers;
let one;
let two;

const environment = (port) => ({
  TAMIZ__STORE__ENGINE: 'postgresql',
  TAMIZ__STORE__URL: postgres.url(port),
  TAMIZ__STORE__STATEMENT_TIMEOUT: '2s',
  TAMIZ__STORE__CONNECT_TIMEOUT: '2s',
  TAMIZ__EXCHANGE__ALLOW_PRIVATE: 'true',
  TAMIZ__EXCHANGE__SECRETS_DIR: secrets,
});

before(async () => {
  postgres = await Postgres.start();
  secrets = temporaryDirectory();
  fs.writeFileSync(path.join(secrets, 'user'), 'tamiz\n');
  fs.writeFileSync(path.join(secrets, 'password'), 'pass:word\n');
  proxy = await Proxy.start(postgres.port);
  // At the same time: both find no schema, and one makes it.
  servers = await Promise.all([
    Server.start({ environment: environment(proxy.port) }), Server.start({ environment: environment() })]);
  [one, two] = servers.map((server) => new Client(server.address));
});
after(async () => {
  for (const client of [one, two]) client?.close();
  for (const server of servers ?? []) await server.stop();
  await proxy?.close();
  await postgres?.remove();
  if (secrets) fs.rmSync(secrets, { recursive: true, force: true });
});

const verdict = async (client, lists) => (await client.scanBytes(media('resized.png'), { lists })).verdict;
const healthOf = (client, service) => client.call(client.health, 'check', { service }).then((answer) => answer.status);
// Runs `condition` until it holds; the milliseconds that took.
async function within(what, milliseconds, condition) {
  const started = Date.now();
  await until(what, condition, (milliseconds * slowdown) / 1000);
  return Date.now() - started;
}
const row = (i) => `id-${i},sha256,${crypto.createHash('sha256').update(`row ${i}`).digest('hex')},,\n`;
const header = 'entry_id,hash_type,value,labels,metadata\n';

test('a change through one replica answers on the other within a second', { timeout: 120_000 }, async () => {
  await one.listOf('known', { picture: media('original.jpg') });
  await within('the new list', 1000, () => verdict(two, ['known']).then((v) => v === 'VERDICT_MATCH', () => false));

  const switchTo = (mode) => two.call(two.lists, 'UpdateList', { list: 'known', update: { policy: { mode } }, update_mask: { paths: ['policy.mode'] } });
  await switchTo('LIST_MODE_SHADOW');
  await within('a policy', 1000, async () => (await verdict(one, ['known'])) === 'VERDICT_NO_KNOWN_MATCH');
  await switchTo('LIST_MODE_ENFORCE');
  await within('a policy, back', 1000, async () => (await verdict(one, ['known'])) === 'VERDICT_MATCH');

  await one.call(one.lists, 'DisableEntry', { list: 'known', entry_id: 'picture' });
  await within('a disabled entry', 1000, async () => (await verdict(two, ['known'])) === 'VERDICT_NO_KNOWN_MATCH');

  await two.call(two.lists, 'DisableEntry', { list: 'known', entry_id: 'picture', enable: true });
  await within('an enabled entry', 1000, async () => (await verdict(one, ['known'])) === 'VERDICT_MATCH');

  await one.call(one.lists, 'RemoveEntries', { list: 'known', entry_ids: ['picture'] });
  await within('a removed entry', 1000, async () => (await verdict(two, ['known'])) === 'VERDICT_NO_KNOWN_MATCH');
  await two.call(two.lists, 'RollbackList', { list: 'known', version: 1 });
  await within('a roll-back', 1000, async () => (await verdict(one, ['known'])) === 'VERDICT_MATCH');
  const [a, b] = await Promise.all([one, two].map((client) => client.scanBytes(media('resized.png'), { lists: ['known'] })));
  assert.deepEqual(a.snapshot.lists, b.snapshot.lists, 'both name the same version and digest');

  await one.call(one.lists, 'DeleteList', { list: 'known' });
  await within('a deletion', 1000, () => failure(verdict(two, ['known']), status.NOT_FOUND, status.INVALID_ARGUMENT).then(() => true, () => false));
});

test('changes of both at once all come through, in one order', { timeout: 120_000 }, async () => {
  await one.call(one.lists, 'CreateList', { name: 'busy' });
  const add = async (client, prefix) => {
    for (let i = 0; i < 10; i += 1) {
      await client.importText(`${header}${row(`${prefix}${i}`)}`, { list: 'busy' });
    }
  };
  await until('the list on the other', () => two.call(two.lists, 'GetList', { list: 'busy' }).then(() => true, () => false));
  await Promise.all([add(one, 'x'), add(two, 'y')]);
  const { list } = await one.call(one.lists, 'GetList', { list: 'busy' });
  assert.equal(list.entry_count, 20);
  assert.equal(list.version, 20);
  for (const client of [one, two]) {
    await within('the last version', 1000, async () => {
      const state = await client.call(client.admin, 'GetStatus');
      const loaded = state.lists.find((item) => item.list.list_name === 'busy');
      return loaded.list.digest === list.digest;
    });
  }
});

test('holds set by both at once are all kept', { timeout: 120_000 }, async () => {
  await one.call(one.lists, 'CreateList', { name: 'held' });
  let text = header;
  for (let i = 0; i < 40; i += 1) text += row(i);
  await one.importText(text, { list: 'held' });
  await until('the list on the other', () => two.call(two.lists, 'GetEntry', { list: 'held', entry_id: 'id-39' }).then(() => true, () => false));
  const disable = (client, i) => client.call(client.lists, 'DisableEntry', { list: 'held', entry_id: `id-${i}`, reason: 'wrong' });
  await Promise.all([one, two].map(async (client, which) => {
    for (let i = which; i < 40; i += 2) await disable(client, i);
  }));
  for (const client of [one, two]) {
    assert.equal((await client.call(client.lists, 'ListHolds', { list: 'held' })).holds.length, 40);
  }
  await one.call(one.lists, 'DeleteList', { list: 'held' });
});

test('two that read one exchange at the same moment never set it back', { timeout: 180_000 * slowdown }, async () => {
  const ncmec = await new FakeNcmec().listen();
  const md5 = (name) => crypto.createHash('md5').update(name).digest('hex');
  const sync = (client) => client.call(client.exchanges, 'SyncExchange', { name: 'shared' }).then((answer) => answer.exchange);
  const exchangeOf = async (client) => (await client.call(client.exchanges, 'ListExchanges')).exchanges.find((found) => found.settings.name === 'shared');
  const readTo = () => JSON.parse(postgres.query('SELECT convert_from(checkpoint, \'UTF8\') FROM tamiz.exchanges')).done;
  const entries = async () => Number((await one.call(one.lists, 'GetList', { list: 'shared' })).list.entry_count);
  try {
    // A long way back, read by both from the beginning: each piece becomes part of the list once.
    for (let i = 0; i < 25_000; i += 1) ncmec.put('1', 'image', `i${i}`, { md5: md5(`i${i}`) }, { at: Date.now() - 86_400_000 - (i * 7919) % 40_000_000 });
    await one.call(one.exchanges, 'AddExchange', { settings: { name: 'shared', list: 'shared', type: 'ncmec', base_url: ncmec.base, user_file: 'user', password_file: 'password', interval: { seconds: 86_400 } } });
    const reading = Promise.allSettled([sync(one), until('the other to know it', () => sync(two).then(() => true, () => false))]);
    const seen = [];
    await until('it is complete', async () => {
      const checkpoint = postgres.query('SELECT convert_from(checkpoint, \'UTF8\') FROM tamiz.exchanges');
      if (checkpoint) seen.push(JSON.parse(checkpoint).done);
      return (await exchangeOf(one)).caught_up || undefined;
    }, 120 * slowdown);
    await reading;
    assert.deepEqual(seen, [...seen].sort((a, b) => a - b), 'it only goes forward');
    assert.equal(await entries(), 25_000);
    for (const client of [one, two]) {
      await until('no reading goes on or is near', async () => {
        const { running, next_attempt: next } = await exchangeOf(client);
        return (!running && Number(next?.seconds ?? 0) * 1000 > Date.now() + 3_600_000) || undefined;
      }, 60 * slowdown);
    }

    // The first hears of an entry, slowly; meanwhile the second hears that it was withdrawn, and of another.
    ncmec.put('1', 'image', 'withdrawn', { md5: md5('withdrawn') }, { at: (readTo() + 1) * 1000 });
    // Readings end a few seconds before the present.
    await until('it lies in the past', () => Date.now() > ncmec.entries.get('1/image/withdrawn').at + 6000 || undefined, 20);
    let open;
    ncmec.gate = new Promise((resolve) => { open = resolve; });
    const slow = sync(one);
    await until('the first to ask', () => ncmec.gate === undefined || undefined);
    ncmec.remove('1', 'image', 'withdrawn', { at: Date.now() - 3000 });
    ncmec.put('1', 'image', 'new', { md5: md5('new') }, { at: Date.now() - 3000 });
    await until('the second to have read both', async () => {
      await sync(two);
      return await entries() === 25_001 || undefined;
    }, 30 * slowdown);
    const before = readTo();
    open();
    assert.match((await slow).outcome, /CHANGED|UNCHANGED/);
    assert.ok(readTo() >= before, 'the checkpoint was not set back');
    await failure(one.call(one.lists, 'GetEntry', { list: 'shared', entry_id: '1/image/withdrawn' }), status.NOT_FOUND);
    assert.equal(await entries(), 25_001);

    // Removed through one, it is gone from both.
    await two.call(two.exchanges, 'RemoveExchange', { name: 'shared' });
    await until('the other to forget it', () => failure(sync(one), status.NOT_FOUND).then(() => true, () => undefined));
    await until('its metrics to go', async () => (await servers[0].metrics()).includes('exchange="shared"') ? undefined : true);
  } finally {
    await one.call(one.lists, 'DeleteList', { list: 'shared' }).catch(() => {});
    await ncmec.stop();
  }
});

test('without notifications polling finds the change', { timeout: 60_000 }, async () => {
  await one.listOf('polled', { picture: media('original.jpg') });
  await until('the list on the other', () => verdict(two, ['polled']).then((v) => v === 'VERDICT_MATCH', () => false));
  // As through a pooler that passes no notifications on: the list is put into shadow and nobody is told.
  const changed = postgres.query(
    'UPDATE tamiz.lists SET policy = replace(policy, \'"mode":1\', \'"mode":2\'), revision = revision + 1 WHERE name = \'polled\' AND policy LIKE \'%"mode":1%\' RETURNING 1');
  assert.match(changed, /^1/);
  await within('the change', 2000, async () => (await verdict(two, ['polled'])) === 'VERDICT_NO_KNOWN_MATCH');
  await one.call(one.lists, 'DeleteList', { list: 'polled' });
});

for (const [how, gone, back] of [
  ['its connections are cut and new ones refused', async () => { proxy.mode = 'refuse'; proxy.cut(); }, async () => { proxy.mode = 'pass'; }],
  ['it falls silent', async () => { proxy.mode = 'silent'; }, async () => { proxy.mode = 'pass'; proxy.cut(); }],
  ['it is stopped', () => postgres.stop('SIGINT'), () => postgres.run()],
  ['it is killed', () => postgres.stop('SIGKILL'), () => postgres.run()],
]) {
  test(`database gone: ${how}`, { timeout: 180_000 }, async () => {
    const name = `outage-${crypto.randomUUID().slice(0, 8)}`;
    await one.listOf(name, { picture: media('original.jpg') });
    await until('the list on the other', () => verdict(two, [name]).then((v) => v === 'VERDICT_MATCH', () => false));
    const recorded = Number(postgres.query('SELECT count(*) FROM tamiz.records'));

    await gone();
    await until('the first replica to notice', async () => (await healthOf(one, 'tamiz.v1.ListService')) === 'NOT_SERVING', 30 * slowdown);
    // Uploads are scanned on, and soon enough.
    const started = Date.now();
    assert.equal(await verdict(one, [name]), 'VERDICT_MATCH');
    assert.ok(Date.now() - started < 10_000 * slowdown, `a scan took ${Date.now() - started} ms`);
    for (const service of ['', 'tamiz.v1.ScanService', 'tamiz.v1.HashService', 'tamiz.v1.AdminService']) {
      assert.equal(await healthOf(one, service), 'SERVING', service);
    }
    // Changes fail, clearly.
    const error = await failure(one.call(one.lists, 'CreateList', { name: 'never' }), status.UNAVAILABLE);
    assert.match(error.details, /could not make a list: .*PostgreSQL at 127\.0\.0\.1/);
    assert.match(details(error).ErrorInfo.reason, /^STORE_/);
    await failure(one.importText(`${header}${row(1)}`, { list: name }), status.UNAVAILABLE);
    // And everything says so in words.
    const healthz = await fetch(`http://127.0.0.1:${servers[0].metricsPort}/healthz`);
    assert.equal(healthz.status, 200);
    assert.match(await healthz.text(), /^ok\n(.*\n)*store: .*PostgreSQL at/);
    const state = await one.call(one.admin, 'GetStatus');
    assert.equal(state.ready, true);
    assert.match(state.warnings.join('\n'), /store: .*uploads are scanned with the lists as they were loaded/);
    assert.equal(await servers[0].metric('tamiz_store_usable'), 0);

    await back();
    // The other replica (or whoever can reach the database) changes the list while the first may still be cut off.
    await until('a change by the other', () => two.importText(`${header}${row(7)}`, { list: name }).then(() => true, () => false), 30 * slowdown);
    const { list } = await two.call(two.lists, 'GetList', { list: name });
    await until('the first replica to catch up', async () => {
      const [now, health, warnings] = await Promise.all([
        one.call(one.admin, 'GetStatus'), healthOf(one, 'tamiz.v1.ListService'),
        fetch(`http://127.0.0.1:${servers[0].metricsPort}/healthz`).then((answer) => answer.text())]);
      const loaded = now.lists.find((item) => item.list.list_name === name);
      return loaded.list.digest === list.digest && health === 'SERVING' && warnings === 'ok\n';
    }, 30 * slowdown);
    // The match that was found meanwhile was kept and is in the records now.
    await until('the record', () => Number(postgres.query('SELECT count(*) FROM tamiz.records')) > recorded);
    assert.equal(await servers[0].metric('tamiz_scan_errors_total', 'RECORD_LOST'), 0);
    await one.call(one.lists, 'DeleteList', { list: name });
  });
}

test('killed in the middle of an import the old version answers', { timeout: 180_000 }, async () => {
  const victim = await Server.start({ environment: environment() });
  const client = new Client(victim.address);
  await client.listOf('half', { picture: media('original.jpg') });
  const before = (await client.call(client.lists, 'GetList', { list: 'half' })).list;
  let text = header;
  for (let i = 0; i < 40_000; i += 1) text += row(i);
  const importing = client.importText(text, { list: 'half', replace: true }).then(() => 'done', () => 'failed');
  // Rows are on their way to the database: the transaction is open.
  await until('the import to write', () => postgres.query(
    'SELECT count(*) FROM pg_stat_activity WHERE application_name = \'tamizd\' AND (query LIKE \'COPY%\' OR query LIKE \'%pg_temp.incoming%\')') !== '0');
  await victim.kill();
  assert.equal(await importing, 'failed');
  client.close();
  const now = (await two.call(two.lists, 'GetList', { list: 'half' })).list;
  assert.equal(now.version, before.version);
  assert.equal(now.digest, before.digest);
  assert.equal((await two.exportEntries('half')).length, 1);
  // Nothing of it holds the list: the next change comes through at once.
  await until('a change by another', () => two.importText(`${header}${row(1)}`, { list: 'half' }).then(() => true, () => false), 10 * slowdown);
});

test('a start without the database waits, then says what is wrong', { timeout: 60_000 }, async () => {
  const nowhere = await Proxy.start(1);
  nowhere.mode = 'refuse';
  const settings = { ...environment(nowhere.port), TAMIZ__STORE__START_TIMEOUT: '3s' };
  await assert.rejects(Server.start({ environment: settings }),
    /exited before it listened[^]*not usable for 3000 ms \(store\.start_timeout\): [^]*cannot connect to PostgreSQL at 127\.0\.0\.1/);
  // One that comes late is waited for.
  const late = Server.start({ environment: { ...settings, TAMIZ__STORE__START_TIMEOUT: '30s' } });
  await new Promise((resolve) => setTimeout(resolve, 500));
  nowhere.targetPort = postgres.port;
  nowhere.mode = 'pass';
  const server = await late;
  assert.equal((await server.stop()).code, 0);
  await nowhere.close();
});

test('a schema of a newer version is refused', { timeout: 60_000 }, async () => {
  await (await Server.start({ environment: { ...environment(), TAMIZ__STORE__SCHEMA: 'newer' } })).stop();
  postgres.query('UPDATE newer.tamiz_schema SET version = 999');
  await assert.rejects(Server.start({ environment: { ...environment(), TAMIZ__STORE__SCHEMA: 'newer' } }),
    /written by a newer Tamiz \(version 999/);
});
