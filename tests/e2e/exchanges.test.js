// Lists that are kept by others: NCMEC Hash Sharing and StopNCII, honest and misbehaving.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, details, failure, status, until } from './support/client.js';
import { FakeNcmec, FakeStopNcii } from './support/exchanges.js';
import { tamiz } from './support/process.js';
import { Server, media, slowdown, temporaryDirectory } from './support/server.js';

let ncmec;
let ncii;
let dataDir;
let environment;
let server;
let client;

const hex = (seed, bytes) => crypto.createHash('sha512').update(String(seed)).digest('hex').slice(0, 2 * bytes);
const digest = (name, algorithm) => crypto.createHash(algorithm).update(media(name)).digest('hex');
const minutes = (n) => Date.now() - n * 60_000;
const list = async (name) => (await client.call(client.lists, 'GetList', { list: name })).list;
const entry = async (name, id) => (await client.call(client.lists, 'GetEntry', { list: name, entry_id: id })).entry;
const sync = (name) => client.call(client.exchanges, 'SyncExchange', { name }).then((answer) => answer.exchange);
const exchange = async (name) => (await client.call(client.exchanges, 'ListExchanges')).exchanges.find((one) => one.settings.name === name);
const reason = (error) => details(error).ErrorInfo?.reason;
const scan = (name, lists) => client.scanBytes(media(name), { lists });

const start = async () => {
  server = await Server.start({ dataDir, environment });
  client = new Client(server.address);
};
const add = (settings) => client.call(client.exchanges, 'AddExchange', { settings: { user_file: 'user', password_file: 'password', interval: { seconds: 86_400 }, ...settings } });
// Added and read to its end once; one that fails says so in how it stands.
const added = async (settings) => {
  await add(settings);
  await sync(settings.name).catch(() => {});
  return until(`${settings.name} is read`, async () => {
    const one = await exchange(settings.name);
    return one.outcome !== 'EXCHANGE_OUTCOME_UNSPECIFIED' && !one.running && one;
  }, 60 * slowdown);
};

before(async () => {
  dataDir = temporaryDirectory();
  fs.mkdirSync(path.join(dataDir, 'secrets'));
  for (const [name, text] of Object.entries({ user: 'tamiz', password: 'pass:word', wrong: 'not it', function: 'function-key', subscription: 'subscription-key', feedback: 'feedback-key' })) {
    fs.writeFileSync(path.join(dataDir, 'secrets', name), `${text}\n`);
  }
  environment = { TAMIZ__EXCHANGE__ALLOW_PRIVATE: 'true', TAMIZ__EXCHANGE__MIN_GUARDED_ENTRIES: '10', TAMIZ__EXCHANGE__REQUEST_TIME: '20s' };
  ncmec = await new FakeNcmec({ pageSize: 5 }).listen();
  ncii = await new FakeStopNcii().listen();
  await start();
});
after(async () => {
  client?.close();
  await server?.stop();
  await ncmec?.stop();
  await ncii?.stop();
  fs.rmSync(dataDir, { recursive: true, force: true });
});

test('NCMEC: everything is read, in pages, and matched', { timeout: 120_000 * slowdown }, async () => {
  const pdq = (await client.call(client.hashes, 'Hash', { content: media('original.jpg') })).hashes[0].pdq;
  ncmec.put('42', 'image', 'by-pdq', { md5: hex('a', 16), pdq: Buffer.from(pdq).toString('hex'), pdna: hex('x', 64).padEnd(288, '0') }, { at: minutes(500), classification: 'A1' });
  ncmec.put('42', 'image', 'by-md5', { md5: digest('unrelated.jpg', 'md5').toUpperCase() }, { at: minutes(3) });
  ncmec.put('43', 'video', 'by-sha1', { sha1: digest('greyscale.jpg', 'sha1'), 'tmk-pdqf': { href: '/v2/entries/1/fingerprints/TMK_PDQF' } }, { at: minutes(100_000) });
  ncmec.put('43', 'image', 'damaged', { md5: 'nonsense', pdq: hex('p', 32) }, { at: minutes(10) });
  ncmec.put('43', 'image', 'useless', { md5: '', unknowntype: '' }, { at: minutes(10) });
  for (let i = 0; i < 30; i += 1) ncmec.put('44', 'image', `many-${i}`, { md5: hex(i, 16), futurehash: 'kept as it is' }, { at: minutes(1000 + (i * 7) % 30) });
  ncmec.put('44', 'image', 'gone', { md5: hex('gone', 16) });
  ncmec.remove('44', 'image', 'gone');
  ncmec.failures = [429, 503, 504];
  const one = await added({ name: 'ncmec', list: 'ncmec-list', type: 'ncmec', base_url: ncmec.base });
  assert.equal(one.outcome, 'EXCHANGE_OUTCOME_CHANGED', one.message);
  assert.equal(one.caught_up, true);
  assert.ok(Number(one.skipped) >= 3, `${one.skipped} skipped`);
  assert.equal(Number((await list('ncmec-list')).entry_count), 34);
  for (const [name, id, label] of [['original.jpg', '42/image/by-pdq', 'A1'], ['unrelated.jpg', '42/image/by-md5'], ['greyscale.jpg', '43/video/by-sha1']]) {
    const result = await scan(name, ['ncmec-list']);
    assert.equal(result.verdict, 'VERDICT_MATCH', name);
    const match = result.matches.find((found) => found.entry_id === id);
    assert.ok(match, `${name}: ${result.matches.map((found) => found.entry_id)}`);
    if (label) assert.deepEqual(match.labels, [label]);
  }
  const kept = await entry('ncmec-list', '42/image/by-pdq');
  assert.deepEqual(kept.hashes.map((hash) => hash.opaque_type || hash.type).sort(), ['HASH_TYPE_MD5', 'HASH_TYPE_PDQ', 'photodna'].sort());
  assert.equal((await entry('ncmec-list', '43/video/by-sha1')).metadata.large_fingerprints, 'tmkpdqf');
  assert.ok(ncmec.requests.some((request) => request.url.includes('start=6')), 'pages were followed');
});

test('NCMEC: changes are one new version; replaced and withdrawn entries go', async () => {
  const before = await list('ncmec-list');
  const asked = ncmec.requests.length;
  const at = Date.now();
  ncmec.put('42', 'image', 'by-md5', { sha1: digest('copy.jpg', 'sha1') }, { at });  // the MD5 is gone
  ncmec.remove('43', 'video', 'by-sha1', { at });
  await until('the range is in the past', async () => Number((await sync('ncmec')).updated) > 0 || undefined, 20);
  const now = await list('ncmec-list');
  assert.equal(Number(now.version), Number(before.version) + 1);
  assert.equal(Number(now.entry_count), 33);
  assert.equal((await scan('unrelated.jpg', ['ncmec-list'])).verdict, 'VERDICT_NO_KNOWN_MATCH');
  assert.equal((await scan('greyscale.jpg', ['ncmec-list'])).matches.some((match) => match.entry_id === '43/video/by-sha1'), false);
  assert.ok(ncmec.requests.length - asked < 60, 'only what is new was asked for');
  const quiet = await sync('ncmec');
  assert.equal(quiet.outcome, 'EXCHANGE_OUTCOME_UNCHANGED');
  assert.equal((await list('ncmec-list')).version, now.version);
});

test('a link that expires costs the range, not the sync', { timeout: 120_000 * slowdown }, async () => {
  const other = await new FakeNcmec({ pageSize: 5 }).listen();
  try {
    // More in one second than a page holds.
    for (let i = 0; i < 40; i += 1) other.put('1', 'image', `i${i}`, { md5: hex(`l${i}`, 16) }, { at: Math.floor(minutes(60) / 1000) * 1000 + 500 });
    other.brokenLinks = 2;
    const one = await added({ name: 'links', list: 'links', type: 'ncmec', base_url: other.base });
    assert.equal(one.outcome, 'EXCHANGE_OUTCOME_CHANGED', one.message);
    assert.equal(Number((await list('links')).entry_count), 40);
    assert.equal(other.brokenLinks, 0);
  } finally {
    await client.call(client.exchanges, 'RemoveExchange', { name: 'links' });
    await other.stop();
  }
});

test('large fingerprints are fetched and kept where wanted', async () => {
  const other = await new FakeNcmec().listen();
  try {
    // A TMK+PDQF fingerprint has 258 KiB; what is larger than half a MiB, or too much together, is left out.
    const kTmk = 258 * 1024;
    for (const [name, bytes] of [['TMK', kTmk], ['LARGE', 512 * 1024], ['TOO_LARGE', 512 * 1024 + 1], ['MORE', 400 * 1024]]) {
      other.large.set(`/v2/entries/9/fingerprints/${name}`, crypto.randomBytes(bytes));
    }
    const href = (name) => ({ href: `/v2/entries/9/fingerprints/${name}` });
    other.put('1', 'video', 'v', { 'tmk-pdqf': href('TMK'), videntifier: href('NONE') });
    other.put('1', 'video', 'huge', { md5: digest('copy.jpg', 'md5'), 'tmk-pdqf': href('TOO_LARGE'), videntifier: href('LARGE'), 'ssvh-pdna': href('MORE'), 'ssvh-safer-hash': href('TMK') });
    const one = await added({ name: 'large', list: 'large', type: 'ncmec', base_url: other.base, large_fingerprints: true });
    assert.equal(one.outcome, 'EXCHANGE_OUTCOME_CHANGED', one.message);
    assert.deepEqual((await entry('large', '1/video/v')).hashes.map((hash) => hash.opaque_type), ['tmkpdqf']);
    assert.equal(Number(one.skipped), 3, 'not there, too large, and too much for one entry');
    const huge = await entry('large', '1/video/huge');
    assert.deepEqual(huge.hashes.map((hash) => hash.opaque_type || hash.type), ['HASH_TYPE_MD5', 'ssvhpdna', 'videntifier']);
    assert.equal(huge.metadata.large_fingerprints, 'tmkpdqf,videntifier,ssvhpdna,ssvhsaferhash', 'all that there are are named');
    assert.equal((await scan('copy.jpg', ['large'])).verdict, 'VERDICT_MATCH', 'the rest of the entry is matched');
    // Bytes come out as they came in, over a restart and a client with the usual limits, also by file and back.
    client.close();
    await server.kill();
    await start();
    const usual = new Client(server.address, undefined, { 'grpc.max_receive_message_length': 4 << 20 });
    const exported = await usual.exportEntries('large');
    usual.close();
    const values = (id) => exported.find((found) => found.entry_id === id).hashes.filter((hash) => hash.opaque_type).map((hash) => Buffer.from(hash.value));
    assert.deepEqual(values('1/video/v'), [other.large.get('/v2/entries/9/fingerprints/TMK')]);
    assert.deepEqual(values('1/video/huge'), ['MORE', 'LARGE'].map((name) => other.large.get(`/v2/entries/9/fingerprints/${name}`)));
    const file = path.join(dataDir, 'large.csv');
    assert.equal((await tamiz(server, ['list', 'export', 'large', '-o', file])).code, 0);
    const imported = await tamiz(server, ['list', 'import', 'large-copy', file, '--create']);
    assert.equal(imported.code, 0, imported.stderr);
    assert.equal((await list('large-copy')).digest, (await list('large')).digest);
  } finally {
    await client.call(client.exchanges, 'RemoveExchange', { name: 'large' });
    await other.stop();
  }
});

test('StopNCII: adults, and everything says so', async () => {
  const image = (await client.call(client.hashes, 'Hash', { content: media('rotated.jpg') })).hashes[0].pdq;
  ncii.put('ImagePDQ', Buffer.from(image).toString('hex'), 'Active', { hashRegions: ['UK'], CSPFeedbacks: [{ source: 'PlatformA', feedbackValue: 'Undefined', tags: [] }] });
  ncii.put('VideoMD5', hex('v', 16), 'Received');
  ncii.put('ImagePDQ', hex('w', 32), 'Withdrawn');
  ncii.put('Text', 'words', 'Active');
  ncii.put('NewKind', 'x', 'Active');
  const one = await added({ name: 'ncii', list: 'ncii', type: 'stopncii', base_url: ncii.base, user_file: '', password_file: '', function_key_file: 'function', subscription_key_file: 'subscription', feedback_key_file: 'feedback' });
  assert.equal(one.outcome, 'EXCHANGE_OUTCOME_CHANGED', one.message);
  assert.equal(Number(one.skipped), 2);
  const made = await list('ncii');
  assert.deepEqual(made.labels, ['ncii-adult', 'not-csam']);
  assert.equal(made.policy.action_hint, 'ncii-adult-not-csam');
  assert.equal(made.source_org, 'StopNCII');
  assert.equal(Number(made.entry_count), 2);
  const [match] = (await scan('rotated.jpg', ['ncii'])).matches;
  assert.deepEqual(match.labels, ['ncii-adult', 'not-csam']);
  assert.equal(match.metadata.csam, 'false');
  assert.equal(match.action_hint, 'ncii-adult-not-csam');
  assert.ok(!match.entry_id.includes(Buffer.from(image).toString('hex')), 'ids hold no hash');
  // Feedback has a key of its own.
  await client.call(client.exchanges, 'SendFeedback', { name: 'ncii', entry_id: match.entry_id, hash_type: 'PDQ', kind: 'FEEDBACK_KIND_NEGATIVE', reasons: ['Clothed'] });
  const told = ncii.requests.at(-1);
  assert.deepEqual([told.method, told.url, told.headers['content-type']], ['POST', '/v1/SubmitFeedback', 'application/json']);
  assert.deepEqual(JSON.parse(told.body), { count: 1, hashFeedbacks: [{ hashValue: Buffer.from(image).toString('hex'), feedbackValue: 'NotBlocked', tags: ['Clothed'] }] });
  assert.deepEqual((await client.call(client.exchanges, 'ListFeedbackReasons', { name: 'ncii', hash_type: 'pdq' })).reasons, []);
  ncii.put('ImagePDQ', Buffer.from(image).toString('hex'), 'Deleted');
  await sync('ncii');
  assert.equal((await scan('rotated.jpg', ['ncii'])).verdict, 'VERDICT_NO_KNOWN_MATCH');
  // The two kinds of material never share a list.
  const mixed = await failure(add({ name: 'mixed', list: 'ncii', type: 'ncmec', base_url: ncmec.base }), status.FAILED_PRECONDITION);
  assert.equal(reason(mixed), 'LIST_UNSUITABLE');
});

test('one that fails touches no other, and says why', async () => {
  const before = await list('ncmec-list');
  const one = await added({ name: 'wrong', list: 'wrong', type: 'ncmec', base_url: ncmec.base, password_file: 'wrong' });
  assert.equal(one.outcome, 'EXCHANGE_OUTCOME_FAILED');
  assert.match(one.message, /401/);
  assert.equal(one.caught_up, false);
  assert.equal((await list('ncmec-list')).digest, before.digest);
  const failed = await failure(client.call(client.exchanges, 'TestExchange', { name: 'wrong' }), status.PERMISSION_DENIED);
  assert.equal(reason(failed), 'SOURCE_STATUS');
  assert.match((await client.call(client.exchanges, 'TestExchange', { name: 'ncmec' })).detail, /Tamiz Test Platform/);
  for (const secret of ['pass:word', 'not it', 'function-key', 'subscription-key', Buffer.from('tamiz:pass:word').toString('base64')]) {
    assert.equal(server.log.some((line) => line.includes(secret)), false, 'no secret in the log');
  }
  await client.call(client.exchanges, 'RemoveExchange', { name: 'wrong' });
});

test('NCMEC is told which hashes are wrong', async () => {
  ncmec.put('45', 'image', 'odd id/ü', { md5: hex('odd', 16), sha1: hex('odd', 20), pdna: '1f'.repeat(144) }, { at: Date.now() });
  await until('it is read', async () => Number((await sync('ncmec')).added) > 0 || undefined, 20);
  const odd = (await client.exportEntries('ncmec-list')).find((found) => found.metadata.member_id === '45').entry_id;
  const feedback = (request) => client.call(client.exchanges, 'SendFeedback', { name: 'ncmec', entry_id: odd, hash_type: 'md5', kind: 'FEEDBACK_KIND_NEGATIVE', ...request });
  for (const type of ['md5', 'Sha-1']) {
    const { reasons } = await client.call(client.exchanges, 'ListFeedbackReasons', { name: 'ncmec', hash_type: type });
    assert.deepEqual(reasons.map((one) => one.reason_id), ['01234567-abcd-0123-4567-0123456789aa', '01234567-abcd-0123-4567-0123456789ab']);
    assert.equal(reasons[0].name, 'Not what it says & more');
  }
  await feedback({ hash_type: 'P-DNA', reasons: ['<guid>', 'b'] });
  const told = ncmec.requests.at(-1);
  assert.deepEqual([told.method, told.url, told.headers['content-type']],
    ['PUT', '/hashsharing/v2/entries/45/odd%20id%2F%C3%BC/PDNA/feedback', 'application/xml; charset=utf-8']);
  assert.match(told.body, /^<\?xml version="1.0" encoding="UTF-8"\?><feedbackSubmission xmlns="https:\/\/hashsharing.ncmec.org\/hashsharing\/v2"><negative><reasonIds><guid>&lt;guid&gt;<\/guid><guid>b<\/guid><\/reasonIds><\/negative><\/feedbackSubmission>$/);
  const cli = await tamiz(server, ['exchange', 'feedback', 'ncmec', '42/image/by-pdq', '--type', 'pdq', '--affirmative']);
  assert.equal(cli.code, 0, cli.stderr);
  assert.match(ncmec.requests.at(-1).url, /\/v2\/entries\/42\/by-pdq\/PDQ\/feedback$/);
  assert.match(ncmec.requests.at(-1).body, /<affirmative *\/>/);
  assert.match((await tamiz(server, ['exchange', 'reasons', 'ncmec', 'md5'])).stdout, /0123456789aa +Not what it says & more/);
  assert.equal((await tamiz(server, ['exchange', 'feedback', 'ncmec', '42/image/by-pdq', '--type', 'pdq'])).code, 1, 'right or wrong');
  // Sent once, whatever comes.
  ncmec.failures = [503, 503];
  const asked = ncmec.requests.length;
  assert.equal(reason(await failure(feedback({ reasons: ['a'] }), status.UNAVAILABLE)), 'SOURCE_STATUS');
  assert.equal(ncmec.requests.length, asked + 1);
  ncmec.failures = [];
  for (const [field, wrong] of [['reasons', {}], ['reasons', { kind: 'FEEDBACK_KIND_AFFIRMATIVE', reasons: ['a'] }], ['hash_type', { hash_type: 'pdq', reasons: ['a'] }],
    ['hash_type', { hash_type: '', reasons: ['a'] }], ['kind', { kind: 'FEEDBACK_KIND_UNSPECIFIED' }]]) {
    assert.equal(details(await failure(feedback(wrong), status.INVALID_ARGUMENT)).BadRequest.field_violations[0].field, field);
  }
  await failure(feedback({ entry_id: 'nobody', reasons: ['a'] }), status.NOT_FOUND);
  await failure(feedback({ name: 'nobody', reasons: ['a'] }), status.NOT_FOUND);
  assert.ok(server.log.some((line) => line.includes('feedback sent to an exchange') && line.includes('42/image/by-pdq')), 'it is in the audit trail');
  ncmec.remove('45', 'image', 'odd id/ü', { at: Date.now() });
  await until('it is gone', async () => Number((await sync('ncmec')).removed) > 0 || undefined, 20);
});

test('what an exchange is told is checked', async () => {
  const bad = { name: 'x', list: 'x', type: 'ncmec', base_url: ncmec.base };
  for (const [field, change] of [['type', { type: 'other' }], ['name', { name: 'a b' }], ['list', { list: '' }], ['environment', { base_url: '', environment: 'none' }],
    ['base_url', { base_url: 'ftp://x' }], ['base_url', { base_url: 'https://u:p@x/' }], ['user_file', { user_file: '../tamiz.db' }], ['password_file', { password_file: '/etc/passwd' }],
    ['interval', { interval: { seconds: 1 } }], ['max_change_share', { max_change_share: 2 }]]) {
    const error = await failure(add({ ...bad, ...change }), status.INVALID_ARGUMENT);
    assert.equal(details(error).BadRequest.field_violations[0].field, field);
  }
  await failure(add({ ...bad, name: 'ncmec' }), status.ALREADY_EXISTS);
  await failure(sync('nobody'), status.NOT_FOUND);
});

test('a flood waits for a person, also over a restart', { timeout: 120_000 * slowdown }, async () => {
  const before = await list('ncmec-list');
  const at = Date.now();
  for (let i = 0; i < 20; i += 1) ncmec.remove('44', 'image', `many-${i}`, { at });
  const waiting = await until('the flood is seen', async () => { const one = await sync('ncmec'); return one.change_pending ? one : undefined; }, 20);
  assert.equal(waiting.outcome, 'EXCHANGE_OUTCOME_WAITING');
  assert.equal(Number(waiting.removed), 20);
  assert.equal((await list('ncmec-list')).digest, before.digest);
  assert.equal(await server.metric('tamiz_exchange_change_pending', 'exchange="ncmec"'), 1);
  assert.equal(reason(await failure(sync('ncmec'), status.FAILED_PRECONDITION)), 'CHANGE_PENDING');

  client.close();
  await server.kill();
  await start();
  assert.equal((await exchange('ncmec')).change_pending, true);
  assert.equal(await server.metric('tamiz_exchange_change_pending', 'exchange="ncmec"'), 1);
  const shown = await tamiz(server, ['exchange', 'status', 'ncmec']);
  assert.equal(shown.code, 1);
  assert.match(shown.stdout, /tamiz list approve ncmec-list/);

  // Rejected: it stays away until somebody asks again.
  const rejected = await tamiz(server, ['list', 'approve', 'ncmec-list', '--reject']);
  assert.equal(rejected.code, 0, rejected.stderr);
  assert.equal((await exchange('ncmec')).paused, true);
  assert.equal((await list('ncmec-list')).digest, before.digest);
  assert.equal((await sync('ncmec')).change_pending, true, 'asked by hand, it is there again');
  const approved = await tamiz(server, ['list', 'approve', 'ncmec-list']);
  assert.match(approved.stdout, /applied: 0 added, 0 updated, 20 removed/);
  assert.equal(Number((await list('ncmec-list')).entry_count), 13);
  assert.equal(await server.metric('tamiz_exchange_change_pending', 'exchange="ncmec"'), 0);
  assert.equal(reason(await failure(client.call(client.lists, 'ApproveChange', { list: 'ncmec-list' }), status.NOT_FOUND)), 'NOTHING_PENDING');
});

test('kill -9 at any point of a sync, then resume, gives the same list', { timeout: 240_000 * slowdown }, async () => {
  const other = await new FakeNcmec({ pageSize: 1000 }).listen();
  try {
    // More than one version's worth, more pages than one range takes, and entries that change on the way.
    for (let i = 0; i < 30_000; i += 1) other.put('1', 'image', `i${i}`, { md5: hex(`k${i}`, 16) }, { at: minutes(5000 + (i * 7919) % 4000) });
    for (let i = 0; i < 300; i += 1) other.remove('1', 'image', `i${i}`, { at: minutes(4000 + i % 50) });
    const settings = { type: 'ncmec', base_url: other.base };
    await add({ ...settings, name: 'killed', list: 'killed' });
    let kills = 0;
    for (const delayMs of [2500, 2700, 3000]) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if ((await exchange('killed')).caught_up) break;
      client.close();
      await server.kill();
      kills += 1;
      await start();
    }
    assert.ok(kills > 0, 'it was killed in the middle at least once');
    await until('it is complete', async () => (await exchange('killed')).caught_up || undefined, 120 * slowdown);
    await add({ ...settings, name: 'whole', list: 'whole' });
    await until('the other is complete', async () => (await exchange('whole')).caught_up || undefined, 120 * slowdown);
    const [killed, whole] = [await list('killed'), await list('whole')];
    assert.equal(Number(killed.entry_count), 29_700);
    assert.equal(killed.digest, whole.digest);
  } finally {
    for (const name of ['killed', 'whole']) await client.call(client.exchanges, 'RemoveExchange', { name }).catch(() => {});
    await other.stop();
  }
});

test('a list that must be fresh and is not makes scans incomplete', { timeout: 240_000 * slowdown }, async () => {
  const cli = (...args) => tamiz(server, args);
  assert.equal((await cli('list', 'policy', 'ncmec-list', '--max-age', '4s')).code, 0);
  assert.match((await cli('list', 'show', 'ncmec-list')).stdout, /max age +4/);
  await sync('ncmec');
  assert.equal((await scan('unrelated.jpg', ['ncmec-list'])).verdict, 'VERDICT_NO_KNOWN_MATCH', 'confirmed a moment ago, though nothing changed');
  ncmec.failures = Array(1000).fill(500);
  try {
    const stale = await until('it is too old', async () => {
      const result = await scan('unrelated.jpg', ['ncmec-list']);
      return result.verdict === 'VERDICT_INCOMPLETE' ? result : undefined;
    }, 30);
    assert.deepEqual(stale.incomplete_reasons.map((one) => one.code), ['INCOMPLETE_CODE_LIST_UNAVAILABLE']);
    assert.equal((await scan('original.jpg', ['ncmec-list'])).verdict, 'VERDICT_MATCH', 'what matches, matches');
  } finally {
    ncmec.failures = [];
  }
  await sync('ncmec');
  assert.equal((await scan('unrelated.jpg', ['ncmec-list'])).verdict, 'VERDICT_NO_KNOWN_MATCH');
});

test('the command line, and readings that are counted', async () => {
  const json = await tamiz(server, ['exchange', 'list', '--json']);
  assert.deepEqual(JSON.parse(json.stdout).exchanges.map((one) => one.settings.name), ['ncii', 'ncmec']);
  for (const all of ['list', 'status']) {
    assert.match((await tamiz(server, ['exchange', all])).stdout, /ncmec +ncmec-list +ncmec/);
  }
  const made = await tamiz(server, ['exchange', 'add', 'by-hand', '--type', 'ncmec', '--base-url', ncmec.base, '--user-file', 'user', '--password-file', 'password', '--interval', '2h']);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /list +by-hand/);
  assert.match((await tamiz(server, ['exchange', 'test', 'by-hand'])).stdout, /ok: user tamiz, member 7001/);
  assert.equal((await tamiz(server, ['exchange', 'status', 'nobody'])).code, 1);
  assert.ok(await server.metric('tamiz_exchange_syncs_total', 'exchange="ncmec"') >= 1);
  assert.ok(await server.metric('tamiz_exchange_last_success_timestamp_seconds', 'exchange="ncmec"') > Date.now() / 1000 - 600);
  assert.equal((await tamiz(server, ['exchange', 'remove', 'by-hand'])).code, 0);
  assert.equal(await server.metric('tamiz_exchange_last_success_timestamp_seconds', 'exchange="by-hand"'), 0);
});
