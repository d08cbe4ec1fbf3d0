// What the server promised is there after it was killed; what was half done is not.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { after, before, test } from 'node:test';

import { Client, until } from './support/client.js';
import { tamiz } from './support/process.js';
import { Server, media, temporaryDirectory } from './support/server.js';

let dataDir;
before(() => { dataDir = temporaryDirectory(); });
after(() => fs.rmSync(dataDir, { recursive: true, force: true }));

const row = (i) => `id-${i},sha256,${crypto.createHash('sha256').update(`row ${i}`).digest('hex')},,\n`;
const header = 'entry_id,hash_type,value,labels,metadata\n';

test('after kill -9 in the middle of an import the old version answers', { timeout: 150_000 }, async () => {
  let server = await Server.start({ dataDir });
  let client = new Client(server.address);
  await client.listOf('known', { picture: media('original.jpg') });
  const before = await client.call(client.lists, 'GetList', { list: 'known' });
  assert.equal(before.list.version, 1);

  // Killed at different moments: while rows come in, and after the last one, while they are written.
  for (const [rows, delayMs] of [[20_000, 0], [60_000, 30], [60_000, 200], [60_000, 600]]) {
    let text = header;
    for (let i = 0; i < rows; i += 1) text += row(i);
    const importing = client.importText(text, { list: 'known', replace: true }).then(() => 'done', (error) => error);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await server.kill();
    const outcome = await importing;
    client.close();

    server = await Server.start({ dataDir });
    client = new Client(server.address);
    const { list } = await client.call(client.lists, 'GetList', { list: 'known' });
    if (outcome === 'done') {
      // The import was acknowledged before the kill: then it must be there, whole.
      assert.equal(list.entry_count, rows);
      await client.call(client.lists, 'RollbackList', { list: 'known', version: 1 });
    } else if (list.digest !== before.list.digest) {
      // Not acknowledged, yet written: allowed, if whole.
      assert.equal(list.entry_count, rows);
      await client.call(client.lists, 'RollbackList', { list: 'known', version: 1 });
    } else {
      assert.equal(list.entry_count, 1);
    }
    const result = await client.scanBytes(media('resized.png'), { lists: ['known'] });
    assert.equal(result.verdict, 'VERDICT_MATCH');
    assert.equal(result.snapshot.lists[0].digest, before.list.digest);
  }
  client.close();
  const exit = await server.stop();
  assert.deepEqual(exit, { code: 0, signal: null }, 'SIGTERM ends the server in order');
});

test('a breaker that tripped stays tripped over kill -9, until a person resets it', { timeout: 120_000 }, async () => {
  let server;
  let client;
  const start = async () => {
    server = await Server.start({ dataDir });
    client = new Client(server.address);
  };
  const restart = async () => {
    client.close();
    await server.kill();
    await start();
  };
  const scan = async () => (await client.scanBytes(media('resized.png'), { lists: ['noisy'] }));
  const matches = async () => (await scan()).matches.map((match) => [match.entry_id, match.shadow]).sort();
  await start();
  try {
    await client.listOf('noisy', { picture: media('original.jpg'), copy: media('original.jpg') }, { policy: { breaker: { entry_hits: 2, window: { seconds: 3600 } } } });
    // Each upload counts once, however often it comes: the third is one too many for `copy`, and for `picture`.
    await client.call(client.lists, 'DisableEntry', { list: 'noisy', entry_id: 'copy', reason: 'one at a time' });
    await scan();
    assert.equal((await scan()).verdict, 'VERDICT_MATCH');
    await client.scanBytes(media('copy.jpg'), { lists: ['noisy'] });
    await until('the breaker to trip', async () => (await matches()).some(([, shadow]) => shadow));
    assert.equal(await server.metric('tamiz_breaker_trips_total', 'scope="entry"'), 1);
    assert.ok(server.log.some((line) => line.includes('breaker tripped') && line.includes('noisy')), 'it is logged');

    await restart();
    assert.deepEqual(await matches(), [['picture', true]]);
    assert.equal((await scan()).verdict, 'VERDICT_NO_KNOWN_MATCH');
    assert.equal((await scan()).matches[0].shadow_reason, 'breaker');
    assert.match((await tamiz(server, ['status'])).stdout, /noisy: tripped: 1 entries are in shadow[^]*noisy: disabled: 1 entries/);
    assert.match((await tamiz(server, ['list', 'show', 'noisy'])).stdout, /tripped +1 entries in shadow\ndisabled +1 entries/);
    assert.match((await tamiz(server, ['list', 'holds', 'noisy'])).stdout, /picture +breaker[^]*trip +picture/);

    const reset = await tamiz(server, ['list', 'reset-breaker', 'noisy', '--reason', 'looked at']);
    assert.equal(reset.code, 0, reset.stderr);
    await restart();
    assert.deepEqual(await matches(), [['picture', false]]);

    // The list as a whole.
    await client.call(client.lists, 'UpdateList', { list: 'noisy', update: { policy: { breaker: { list_hits: 2, window: { seconds: 3600 } } } }, update_mask: { paths: ['policy.breaker'] } });
    await client.scanBytes(media('copy.jpg'), { lists: ['noisy'] });
    await until('the list to trip', async () => (await scan()).matches.every((match) => match.shadow));
    await restart();
    assert.equal((await scan()).verdict, 'VERDICT_NO_KNOWN_MATCH');
    assert.match((await tamiz(server, ['status'])).stdout, /noisy: TRIPPED: the whole list is in shadow/);
    assert.match((await tamiz(server, ['list', 'show', 'noisy'])).stdout, /TRIPPED +the whole list is in shadow since/);
  } finally {
    client.close();
    await server.stop();
  }
});

test('no decoder outlives its server', async () => {
  const server = await Server.start({ dataDir });
  const children = () => {
    const found = [];
    for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, state, parent] = /\) (\S) (\d+)/.exec(stat);
        if (state !== 'Z') found.push({ pid: Number(pid), parent: Number(parent), exe: fs.readlinkSync(`/proc/${pid}/exe`) });
      } catch { /* gone meanwhile */ }
    }
    return found;
  };
  const family = (root) => {
    const all = children();
    const pids = new Set([root]);
    for (let grew = true; grew;) {
      grew = false;
      for (const one of all) if (pids.has(one.parent) && !pids.has(one.pid)) { pids.add(one.pid); grew = true; }
    }
    return all.filter((one) => pids.has(one.pid) && one.pid !== root);
  };
  const client = new Client(server.address);
  await client.scanBytes(media('unrelated.jpg'));
  const decoders = family(server.pid);
  assert.ok(decoders.length >= 1 && decoders.every((one) => one.exe.endsWith('tamiz-decoder')), JSON.stringify(decoders));
  client.close();
  await server.kill();
  await until('the decoders are gone', () => {
    const alive = new Set(children().map((one) => one.pid));
    return decoders.every((one) => !alive.has(one.pid));
  }, 10);
});

test('two servers do not share a data directory', async () => {
  const server = await Server.start({ dataDir });
  try {
    await assert.rejects(Server.start({ dataDir }).then((second) => second.stop()), /exited before it listened/);
  } finally {
    await server.stop();
  }
});
