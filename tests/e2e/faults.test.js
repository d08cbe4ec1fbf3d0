// What fails around the service: killed decoders, a full, read-only or locked database, descriptors that run out, an
// end in the middle of work. Each scan is answered, and no answer is wrong.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Client, failure, status, until } from './support/client.js';
import { Server, media, slowdown, temporaryDirectory } from './support/server.js';

// The long form: TAMIZ_FAULT_SCANS=2000.
const kScans = Number(process.env.TAMIZ_FAULT_SCANS ?? 200);

// Child processes of `pid`, the zygote first.
function childrenOf(pid) {
  const children = [];
  try {
    for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
      children.push(...fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
    }
  } catch { /* a thread that ended meanwhile */ }
  return children.sort((a, b) => a - b);
}

function kill(pid) {
  try { process.kill(pid, 'SIGKILL'); return 1; } catch { return 0; }
}

// Answers that are no verdict: the service says that it cannot now.
const kBusy = [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED];
const codes = (result) => result.incomplete_reasons.map((reason) => reason.code.replace('INCOMPLETE_CODE_', ''));

// Uploads with what is said of them while nothing fails.
async function verdictsOf(client) {
  const uploads = [];
  for (const name of ['resized.png', 'unrelated.jpg', 'original.jpg', 'clip.mp4']) {
    const content = media(name);
    const { verdict } = await client.scanBytes(content);
    assert.notEqual(verdict, 'VERDICT_INCOMPLETE', name);
    uploads.push({ content, verdict });
  }
  assert.deepEqual([...new Set(uploads.map((one) => one.verdict))].sort(), ['VERDICT_MATCH', 'VERDICT_NO_KNOWN_MATCH']);
  return uploads;
}

const known = () => ({ original: media('original.jpg') });

test(`decoders and zygotes killed at random during ${kScans} scans`, { timeout: 900_000 }, async () => {
  const server = await Server.start({ environment: { TAMIZ__ADMISSION__MAX_QUEUED: '64' } });
  const client = new Client(server.address);
  try {
    await client.listOf('known', known());
    const uploads = await verdictsOf(client);
    let killed = 0;
    let zygotes = 0;
    // Paced by the scans and not by the clock, so that a slow machine is not killed faster than it can start anew.
    const strike = (scan) => {
      const [zygote, ...decoders] = childrenOf(server.pid);
      if (scan % 50 === 25 && zygote) zygotes += kill(zygote);
      else if (decoders.length > 0) killed += kill(decoders[Math.floor(Math.random() * decoders.length)]);
    };
    const seen = { right: 0, crashed: 0, busy: 0 };
    let next = 0;
    const work = async () => {
      while (next < kScans) {
        const scan = next++;
        const { content, verdict } = uploads[scan % uploads.length];
        let result;
        if (scan % 2 === 1) setTimeout(() => strike(scan), Math.random() * 30 * slowdown);
        try {
          result = await client.scanBytes(content, {}, { seconds: 120 * slowdown });
        } catch (error) {
          assert.ok(kBusy.includes(error.code), error.message);
          seen.busy += 1;
          continue;
        }
        if (result.verdict === verdict) {
          seen.right += 1;
        } else {
          // An exact digest matches whatever happens to the decoder; nothing else may be said but that it was killed.
          assert.equal(result.verdict, 'VERDICT_INCOMPLETE');
          assert.deepEqual(codes(result), ['DECODER_CRASHED']);
          seen.crashed += 1;
        }
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    console.log({ ...seen, decoders_killed: killed, zygotes_killed: zygotes });
    assert.equal(seen.right + seen.crashed + seen.busy, kScans);
    assert.ok(killed > 0 && zygotes > 0, 'something was killed');
    assert.ok(seen.busy <= kScans / 20, 'the service came back by itself each time');
    assert.ok(seen.right >= kScans / 2);
    // And when the killing ends, all is as before.
    for (const { content, verdict } of uploads) {
      assert.equal((await client.scanBytes(content)).verdict, verdict);
    }
    assert.ok(server.running);
  } finally {
    client.close();
    await server.stop();
  }
});

// A small file system of its own below the data directory: `unshare` needs no privileges for it where user
// namespaces are allowed.
const onSmallDisk = (directory, options) => ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
  `mount -t tmpfs -o ${options} tmpfs "$0" && exec "$@"`, directory];

test('a full disk costs records and changes, not verdicts', async (t) => {
  if (spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status !== 0) {
    t.skip('no user namespaces here (in a chroot there are none)');
    return;
  }
  const dataDir = temporaryDirectory();
  const server = await Server.start({ dataDir, within: onSmallDisk(dataDir, 'size=4m') });
  const client = new Client(server.address);
  try {
    await client.listOf('known', known());
    // Its file system as it sees it.
    const filler = path.join(`/proc/${server.pid}/root`, dataDir, 'filler');
    const fd = fs.openSync(filler, 'w');
    assert.throws(() => { for (;;) fs.writeSync(fd, Buffer.alloc(4096)); }, { code: 'ENOSPC' });
    fs.closeSync(fd);
    assert.equal((await client.scanBytes(media('resized.png'))).verdict, 'VERDICT_MATCH');
    // Until the write-ahead log has no more room of its own, changes may still be written.
    let refused;
    for (let i = 0; i < 50 && !refused; i += 1) {
      const entries = Array.from({ length: 500 }, (_, k) => ({
        entry_id: `entry-${i}-${k}`, hashes: [{ type: 'HASH_TYPE_SHA256', hex: (1 + i * 500 + k).toString(16).padStart(64, '0') }] }));
      await client.call(client.lists, 'AddEntries', { list: 'known', entries }).catch((error) => { refused = error; });
    }
    assert.ok(refused, 'a change does not fit');
    assert.ok([status.RESOURCE_EXHAUSTED, status.UNAVAILABLE].includes(refused.code), refused.message);
    const { list } = await client.call(client.lists, 'GetList', { list: 'known' });
    const result = await client.scanBytes(media('resized.png'));
    assert.equal(result.verdict, 'VERDICT_MATCH', 'matching goes on from memory');
    assert.equal(result.snapshot.lists.find((one) => one.list_name === 'known').version, list.version);
    assert.ok((await server.metric('tamiz_scan_errors_total', 'RECORD_LOST')) > 0, 'lost records are counted');
    // With room again, all is well without a restart.
    fs.rmSync(filler);
    await client.call(client.lists, 'AddEntries', { list: 'known', entries: [{ entry_id: 'later',
      hashes: [{ type: 'HASH_TYPE_SHA256', hex: 'ab'.repeat(32) }] }] });
    assert.equal((await client.call(client.lists, 'GetList', { list: 'known' })).list.version, list.version + 1);
  } finally {
    client.close();
    await server.stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a read-only disk is refused at the start, by name', async () => {
  const dataDir = temporaryDirectory();
  await assert.rejects(
    Server.start({ dataDir, within: onSmallDisk(dataDir, 'ro') }).then((server) => server.stop()),
    (error) => /exited before it listened/.test(error.message) && /[Rr]ead-only/.test(error.message) && error.message.includes(dataDir));
  fs.rmSync(dataDir, { recursive: true, force: true });
});

test('a database locked by somebody else costs records and changes, not verdicts', { timeout: 300_000 }, async () => {
  const server = await Server.start();
  const client = new Client(server.address);
  const locker = spawn('sqlite3', [path.join(server.dataDir, 'tamiz.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await client.listOf('known', known());
    const { list: before } = await client.call(client.lists, 'GetList', { list: 'known' });
    locker.stdin.write('.timeout 10000\nBEGIN IMMEDIATE;\nSELECT \'locked\';\n');
    await new Promise((resolve) => { locker.stdout.once('data', resolve); });
    assert.equal((await client.scanBytes(media('resized.png'))).verdict, 'VERDICT_MATCH');
    const entries = [{ entry_id: 'x', hashes: [{ type: 'HASH_TYPE_SHA256', hex: 'ab'.repeat(32) }] }];
    await failure(client.call(client.lists, 'AddEntries', { list: 'known', entries }), status.UNAVAILABLE, status.ABORTED);
    assert.equal((await client.call(client.lists, 'GetList', { list: 'known' })).list.version, before.version);
    locker.stdin.write('ROLLBACK;\n');
    await until('changes are possible again', () => client.call(client.lists, 'AddEntries', { list: 'known', entries })
      .then(() => true, () => false));
    assert.equal((await client.call(client.lists, 'GetList', { list: 'known' })).list.version, before.version + 1);
  } finally {
    locker.stdin.end();
    client.close();
    await server.stop();
  }
});

test('descriptors run out: refused, never guessed, and over when they are back', { timeout: 300_000 }, async () => {
  const server = await Server.start();
  const client = new Client(server.address);
  try {
    await client.listOf('known', known());
    const limit = (most) => execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${most}:`]);
    const open = () => fs.readdirSync(`/proc/${server.pid}/fd`).length;
    const normal = /Max open files\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/limits`, 'utf8'))[1];
    const seen = { right: 0, refused: 0 };
    for (const spare of [1, 6]) {
      limit(open() + spare);
      await Promise.all(Array.from({ length: 12 }, async () => {
        try {
          const result = await client.scanBytes(media('resized.png'), {}, { seconds: 4 * slowdown });
          // Without its decoder an upload can only be incomplete.
          if (result.verdict === 'VERDICT_MATCH') seen.right += 1;
          else assert.equal(result.verdict, 'VERDICT_INCOMPLETE', JSON.stringify(result));
        } catch (error) {
          // Without an answer in time the caller is not told anything either.
          assert.ok([...kBusy, status.DEADLINE_EXCEEDED].includes(error.code), error.message);
          seen.refused += 1;
        }
      }));
      limit(normal);
    }
    console.log(seen);
    assert.ok(seen.refused > 0, 'they did run out');
    await until('scans work again', () => client.scanBytes(media('resized.png')).then((one) => one.verdict === 'VERDICT_MATCH', () => false));
  } finally {
    client.close();
    await server.stop();
  }
});

test('SIGTERM under load loses no scan that was accepted', { timeout: 300_000 }, async () => {
  const server = await Server.start({ environment: { TAMIZ__ADMISSION__MAX_RUNNING: '2', TAMIZ__ADMISSION__MAX_QUEUED: '64',
    TAMIZ__SERVER__DRAIN_TIME: '120s' } });
  const client = new Client(server.address);
  try {
    await client.listOf('known', known());
    const kAccepted = 12;
    const uploads = await verdictsOf(client);
    const scans = Array.from({ length: kAccepted }, (_, i) => {
      const { content, verdict } = uploads[i % 2 === 0 ? 3 : 0];
      return client.scanBytes(content, { sampling: { every_frame: true } }, { seconds: 120 * slowdown })
        .then((result) => ({ result, verdict }));
    });
    let answered = 0;
    for (const scan of scans) scan.then(() => { answered += 1; }, () => { answered += 1; });
    await until('all are accepted', async () => {
      const state = await client.call(client.admin, 'GetStatus');
      return state.scans_running + state.scans_queued + answered >= kAccepted;
    });
    assert.ok(answered < kAccepted, 'there is load');
    const ended = server.stop();
    // The order of its end: first it takes no more.
    const late = client.scanBytes(media('unrelated.jpg')).then((one) => one.verdict, (error) => error.code);
    for (const { result, verdict } of await Promise.all(scans)) assert.equal(result.verdict, verdict, JSON.stringify(codes(result)));
    // CANCELLED: gRPC resets a call that comes after it has begun to end and before it has said so.
    assert.ok([status.UNAVAILABLE, status.CANCELLED, 'VERDICT_NO_KNOWN_MATCH'].includes(await late), String(await late));
    assert.deepEqual(await ended, { code: 0, signal: null });
  } finally {
    client.close();
  }
});

test('a format is switched off and on while the server runs', async () => {
  const directory = temporaryDirectory();
  const configFile = path.join(directory, 'tamiz.toml');
  const write = (formats) => fs.writeFileSync(configFile, `[scan]\ndisabled_formats = ${JSON.stringify(formats)}\n`);
  write([]);
  const server = await Server.start({ configFile });
  const client = new Client(server.address);
  try {
    const enabled = async () => Object.fromEntries((await client.call(client.scans, 'ListFormats')).formats.map((one) => [one.name, one]));
    assert.equal((await enabled()).png.enabled, true);
    assert.equal((await client.scanBytes(media('resized.png'))).verdict, 'VERDICT_NO_KNOWN_MATCH');
    write(['png', 'mp4']);
    const reloaded = await client.call(client.admin, 'ReloadConfig');
    assert.deepEqual(reloaded.applied, ['scan.disabled_formats']);
    const formats = await enabled();
    assert.equal(formats.png.enabled, false);
    assert.equal(formats.mp4.enabled, false);
    assert.equal(formats.jpeg.enabled, true);
    assert.ok(formats.png.detail.length > 0, 'and says why');
    for (const name of ['resized.png', 'clip.mp4']) {
      const result = await client.scanBytes(media(name));
      assert.equal(result.verdict, 'VERDICT_INCOMPLETE');
      assert.deepEqual(codes(result), ['FORMAT_DISABLED']);
    }
    assert.equal((await client.scanBytes(media('unrelated.jpg'))).verdict, 'VERDICT_NO_KNOWN_MATCH');
    write([]);
    await client.call(client.admin, 'ReloadConfig');
    assert.equal((await enabled()).png.enabled, true);
    assert.equal((await client.scanBytes(media('resized.png'))).verdict, 'VERDICT_NO_KNOWN_MATCH');
  } finally {
    client.close();
    await server.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  }
});

test('the layers of confinement: log, metric and status agree; what is asked for and missing keeps it from starting', async () => {
  const server = await Server.start();
  const client = new Client(server.address);
  try {
    const { sandbox_layers: layers } = await client.call(client.admin, 'GetStatus');
    assert.ok(layers.length >= 5, layers.join());
    const line = server.log.map((one) => { try { return JSON.parse(one); } catch { return {}; } })
      .find((one) => one.message === 'decoders are confined');
    assert.deepEqual(line?.layers?.split(', '), layers);
    const metrics = [...(await server.metrics()).matchAll(/^tamiz_sandbox_layer_active\{layer="([a-z_]+)"\} ([01])$/gm)];
    assert.ok(metrics.length >= 12);
    assert.deepEqual(metrics.filter(([, , active]) => active === '1').map(([, name]) => name).sort(), [...layers].sort());
  } finally {
    client.close();
    await server.stop();
  }
  await assert.rejects(Server.start({ environment: { TAMIZ__DECODE__REQUIRED_LAYERS: 'seccomp,moat' } }).then((one) => one.stop()),
    /exited before it listened[^]*decode\.required_layers[^]*moat/);
});
