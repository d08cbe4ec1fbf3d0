// The tamiz client as a person or a script uses it: exit codes, tables, JSON lines, messages.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { run, tamiz } from './support/process.js';
import { Server, binDir, media, mediaDir, temporaryDirectory } from './support/server.js';

let server;
let work;
const at = (name) => path.join(mediaDir, name);
const lines = (text) => text.trim().split('\n').map((line) => JSON.parse(line));

before(async () => {
  work = temporaryDirectory();
  server = await Server.start({ environment: { TAMIZ__SOURCE__FILE_ROOTS: JSON.stringify([mediaDir]) } });
});
after(async () => {
  await server?.stop();
  fs.rmSync(work, { recursive: true, force: true });
});

test('hash --csv makes a list that import reads', async () => {
  const hash = await tamiz(server, ['hash', '--csv', at('original.jpg')]);
  assert.equal(hash.code, 0, hash.stderr);
  const rows = hash.stdout.trim().split('\n');
  assert.equal(rows[0], 'entry_id,hash_type,value,labels,metadata,quality,time_ms');
  assert.equal(rows.length, 3);
  const file = path.join(work, 'known.csv');
  fs.writeFileSync(file, hash.stdout);

  const missing = await tamiz(server, ['list', 'import', 'known', file, '--format', 'csv']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no list "known".*--create/);
  const imported = await tamiz(server, ['list', 'import', 'known', file, '--format', 'csv', '--create']);
  assert.equal(imported.code, 0, imported.stderr);
  assert.match(imported.stdout, /2 rows read, 0 rejected; entries: 1 added/);
  const again = await tamiz(server, ['list', 'import', 'known', file, '--json']);
  assert.equal(lines(again.stdout)[0].entriesUnchanged, '1');
});

test('list import reads a VICS hash set by what its categories mean', async () => {
  const file = path.join(work, 'set.json');
  const media = (category, md5) => ({ MediaID: 1, Category: category, MD5: md5.repeat(16).toUpperCase(), MediaSize: '1' });
  fs.writeFileSync(file, '\ufeff' + JSON.stringify({
    '@odata.context': 'http://example/2.0.xml/US/$metadata#Media',
    value: [media(1, 'a1'), media('2', 'a2'), media(0, 'a3'), media(null, 'a4'), media(7, 'a5')],
  }));
  const none = await tamiz(server, ['list', 'import', 'vic', file, '--create']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /categories need a mapping/);
  const dry = await tamiz(server, ['list', 'import', 'vic', file, '--category-map', '1=A1', '--category-map', '2=-', '--dry-run']);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stderr, /read as vics/);
  assert.match(dry.stderr, /kept out 1 rows: category 7 is not mapped/);
  assert.match(dry.stdout, /\(none\) +2 +2/);
  assert.match(dry.stdout, /dry run, nothing changed: 5 rows read, 0 rejected, 4 kept out; entries: 1 added/);
  const strict = await tamiz(server, ['list', 'import', 'vic', file, '--category-map', '1=A1', '--refuse-unmapped']);
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, /1 of category 7/);
  const done = await tamiz(server, ['list', 'import', 'vic', file, '--format', 'vics', '--category-map', '1=A1', '--category-map', '2=A2']);
  assert.match(done.stdout, /vic is at version 1 with 2 entries/);
  assert.equal((await tamiz(server, ['list', 'delete', 'vic', '--yes'])).code, 0);
});

test('scan: exit codes, the worst of several', async () => {
  const code = async (...args) => (await tamiz(server, ['scan', ...args])).code;
  assert.equal(await code(at('unrelated.jpg')), 0);
  assert.equal(await code(at('resized.png')), 10);
  assert.equal(await code(at('broken.jpg')), 12);
  assert.equal(await code(at('unrelated.jpg'), at('broken.jpg')), 12);
  assert.equal(await code(at('broken.jpg'), at('resized.png'), at('unrelated.jpg')), 10);
  assert.equal(await code(at('resized.png'), path.join(work, 'absent')), 1);
  assert.equal(await code('--list', 'absent', at('resized.png')), 1);
  assert.equal(await code(work), 1, 'a directory without -r');
  assert.equal(await code(), 1, 'no arguments');
  // A possible match: the radius below the distance, the review radius above.
  const hash = lines((await tamiz(server, ['hash', '--json', at('original.jpg')])).stdout)[0];
  const pdq = Buffer.from(hash.hashes[0].pdq, 'base64');
  pdq[5] ^= 0xff;
  assert.equal((await tamiz(server, ['list', 'create', 'near', '--radius', '2', '--review-radius', '31'])).code, 0);
  assert.equal((await tamiz(server, ['list', 'add', 'near', '--id', 'eight-bits-off', '--pdq', pdq.toString('hex')])).code, 0);
  assert.equal(await code('--list', 'near', at('original.jpg')), 11);
  assert.equal(await code('--list', 'near', at('original.jpg'), at('broken.jpg')), 11);
  assert.equal(await code('--list', 'near', '--list', 'known', at('original.jpg')), 10);
  assert.equal((await tamiz(server, ['list', 'delete', 'near', '--yes'])).code, 0);
});

test('list add --store-crops: an upload that shows a part matches', async () => {
  const cropped = path.join(work, 'cropped.png');
  const made = await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', at('original.jpg'),
    '-vf', 'crop=iw*0.95:ih*0.95:iw*0.04:ih*0.005', cropped]);
  assert.equal(made.code, 0, made.stderr);
  for (const [name, flags, entries, code] of [['as-it-is', [], 1, 0], ['with-crops', ['--store-crops'], 17, 10]]) {
    assert.equal((await tamiz(server, ['list', 'create', name])).code, 0);
    const added = await tamiz(server, ['list', 'add', name, at('original.jpg'), ...flags]);
    assert.match(added.stdout, new RegExp(`^${entries} added, 0 replaced; ${name} is at version 1 with ${entries} entries`), added.stderr);
    const scanned = await tamiz(server, ['scan', '--json', '--list', name, cropped]);
    assert.equal(scanned.code, code, scanned.stdout);
    if (code !== 10) continue;
    const [match] = lines(scanned.stdout)[0].matches;
    assert.equal(match.entryId, 'original.jpg');
    assert.ok(match.referenceRegion.width < 1);
  }
  const by_hash = await tamiz(server, ['list', 'add', 'with-crops', '--store-crops', '--id', 'x', '--pdq', '0'.repeat(64)]);
  assert.equal(by_hash.code, 1);
  assert.match(by_hash.stderr, /--store-crops needs the picture itself/);
  for (const name of ['as-it-is', 'with-crops']) await tamiz(server, ['list', 'delete', name, '--yes']);
});

test('scan --json prints one protobuf JSON object a line, in the order of the arguments', async () => {
  const files = ['clip.mp4', 'unrelated.jpg', 'copy.jpg', 'broken.jpg', 'rotated.jpg'].map(at);
  const { stdout, code } = await tamiz(server, ['scan', '--json', '-j', '4', '--hashes', ...files, path.join(work, 'absent')]);
  assert.equal(code, 1);
  const results = lines(stdout);
  assert.deepEqual(results.map((result) => result.path), [...files, path.join(work, 'absent')]);
  assert.deepEqual(results.map((result) => result.verdict),
    ['VERDICT_MATCH', 'VERDICT_NO_KNOWN_MATCH', 'VERDICT_MATCH', 'VERDICT_INCOMPLETE', 'VERDICT_MATCH', undefined]);
  assert.equal(results[2].confidence, 1);
  assert.equal(results[2].matches[0].exact, true);
  assert.equal(results[2].matches[0].listName, 'known');
  assert.equal(results[4].matches[0].transform, 'TRANSFORM_ROTATE_90');
  assert.ok(results[0].hashes.length >= 10);
  assert.equal(results[5].error.code, 'NOT_FOUND');
});

test('scan for people: a table with list, distance, transform, time and reasons', async () => {
  const { stdout, stderr } = await tamiz(server, ['scan', at('rotated.jpg'), at('clip.mp4'), at('broken.jpg')]);
  assert.match(stdout, /MATCH {2}confidence 0\.\d+ {2}\(jpeg, 768x1024/);
  assert.match(stdout, /known v1 +original\.jpg +PDQ +\d+ of 31 +ROTATE_90/);
  assert.match(stdout, /4 s\.\.[56]/);
  assert.match(stdout, /incomplete: DECODE_/);
  assert.equal(stderr, '', 'no progress bar where there is no terminal');
});

test('scan reads standard input, URIs and directories', async () => {
  const piped = await tamiz(server, ['scan', '--json', '-'], { input: media('mirrored.jpg') });
  assert.equal(piped.code, 10);
  assert.equal(lines(piped.stdout)[0].matches[0].transform, 'TRANSFORM_FLIP_HORIZONTAL');
  const uri = await tamiz(server, ['scan', `file://${at('copy.jpg')}`]);
  assert.equal(uri.code, 10);
  const folder = path.join(work, 'folder');
  fs.mkdirSync(path.join(folder, 'deep'), { recursive: true });
  fs.copyFileSync(at('unrelated.jpg'), path.join(folder, 'deep', 'b.jpg'));
  fs.copyFileSync(at('greyscale.jpg'), path.join(folder, 'a.jpg'));
  const recursive = await tamiz(server, ['scan', '--json', '-r', folder]);
  assert.equal(recursive.code, 10);
  assert.deepEqual(lines(recursive.stdout).map((result) => path.basename(result.path)), ['a.jpg', 'b.jpg']);
});

test('lookup takes hashes and answers like scan', async () => {
  const sha256 = crypto.createHash('sha256').update(media('original.jpg')).digest('hex');
  const found = await tamiz(server, ['lookup', '--sha256', sha256]);
  assert.equal(found.code, 10);
  assert.match(found.stdout, /^MATCH {2}confidence 1$/m);
  const wrong = await tamiz(server, ['lookup', '--pdq', 'abc']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /INVALID_ARGUMENT/);
});

test('list verbs', async () => {
  const ok = async (...args) => {
    const result = await tamiz(server, ['list', ...args]);
    assert.equal(result.code, 0, `list ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  await ok('create', 'verbs', '--source-org', 'org', '--label', 'x', '--mode', 'shadow', '--radius', '25');
  assert.match(await ok('show', 'verbs'), /mode +shadow\nradius +25/);
  assert.match(await ok('policy', 'verbs', '--mode', 'enforce', '--action-hint', 'block'), /mode +enforce[\s\S]*action hint +block/);
  assert.match(await ok('add', 'verbs', at('unrelated.jpg'), at('original.jpg'), '--label', 'A1'), /2 added/);
  assert.match(await ok('show', 'verbs', '--entry', 'original.jpg'), /labels +A1/);
  await ok('disable', 'verbs', 'original.jpg', '--reason', 'a blank page', '--until', '30d');
  assert.match(await ok('show', 'verbs', '--entry', 'original.jpg'), /hold +disabled since .* until .*: a blank page/);
  assert.match(await ok('show', 'verbs'), /disabled +1 entries/);
  await ok('enable', 'verbs', 'original.jpg', '--reason', 'looked at');
  assert.match(await ok('holds', 'verbs'), /enable +original\.jpg +anonymous +looked at[\s\S]*disable +original\.jpg +anonymous +a blank page/);
  assert.match(await ok('policy', 'verbs', '--breaker-entry-hits', '7'), /breaker +entry 7, list 10000 uploads within 3600 s/);
  assert.match(await ok('remove', 'verbs', 'original.jpg'), /1 removed/);
  assert.match(await ok('versions', 'verbs'), /current/);
  assert.match(await ok('diff', 'verbs', '1'), /- original\.jpg/);
  assert.match(await ok('rollback', 'verbs', '1'), /with 2 entries/);
  assert.match(await ok('ls'), /verbs +block +enforce/);

  // Of kinds that nothing is matched with, some are text and some bytes.
  const opaque = path.join(work, 'opaque.ndjson');
  fs.writeFileSync(opaque, `${JSON.stringify({ entry_id: 'opaque', hashes: [
    { hash_type: 'sha256', value: 'ab'.repeat(32) }, { hash_type: 'photodna', value: '1f'.repeat(144) }, { hash_type: 'photodna', value: 'a0b1'.repeat(72) },
    { hash_type: 'opaque:TMK, new', value: 'hex:00ff22' }, { hash_type: 'opaque:other', value: 'as, it "stands"' }] })}\n`);
  assert.match(await ok('import', 'verbs', opaque, '--format', 'ndjson'), /1 added/);
  assert.match(await ok('show', 'verbs', '--entry', 'opaque'), /hashes +SHA256, OPAQUE, OPAQUE, OPAQUE/);

  // What export writes, import reads: the same contents, so the same digest.
  const file = path.join(work, 'export.csv');
  await ok('export', 'verbs', '-o', file);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  await ok('import', 'verbs-copy', file, '--create');
  const digest = async (name) => lines((await tamiz(server, ['list', 'show', name, '--json'])).stdout)[0].list.digest;
  assert.equal(await digest('verbs-copy'), await digest('verbs'));
  const entries = lines((await tamiz(server, ['list', 'export', 'verbs', '--json'])).stdout);
  assert.deepEqual(entries.map((entry) => entry.entryId), ['opaque', 'original.jpg', 'unrelated.jpg']);

  const rejected = path.join(work, 'bad.csv');
  fs.writeFileSync(rejected, 'entry_id,hash_type,value,labels,metadata\na,md5,nonsense,,\n');
  const bad = await tamiz(server, ['list', 'import', 'verbs', rejected, '--dry-run', '--max-rejected-share', '1']);
  assert.match(bad.stderr, /bad\.csv:2: /);
  assert.match(bad.stdout, /dry run, nothing changed: 1 rows read, 1 rejected/);
  assert.equal((await tamiz(server, ['list', 'delete', 'verbs'])).code, 1, 'needs --yes');
  await ok('delete', 'verbs', '--yes');
  await ok('delete', 'verbs-copy', '--yes');
});

test('status and list show say what is odd about a list', async () => {
  const ok = async (...args) => {
    const result = await tamiz(server, args);
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  const file = path.join(work, 'odd.csv');
  const pdq = (i, filler) => filler.repeat(60) + i.toString(16).padStart(4, '0');
  let text = 'entry_id,hash_type,value,labels,metadata,quality,time_ms\n';
  for (let i = 0; i < 3; i += 1) text += `flat-${i},pdq,${pdq(i + 1, '0')},,,100,\n`;
  for (let i = 0; i < 1001; i += 1) text += `shared-${i},pdq,${'5a'.repeat(32)},,,100,\n`;
  for (let i = 0; i < 2; i += 1) text += `poor-${i},pdq,${pdq(i, '6')},,,10,\n`;
  fs.writeFileSync(file, text);
  await ok('list', 'import', 'odd', file, '--create');
  assert.match(await ok('list', 'show', 'odd'), /loaded +version 1 at .*\ncomplete +20\S+Z\nsuspect hashes +3 nearly flat, 1001 of values that thousands share, 2 below/);
  const quiet = await ok('status');
  assert.match(quiet, /odd: suspect: 3 nearly flat hashes, 1001 of values/);
  assert.match(quiet, /odd: not searched: 2 hashes below the quality floor/);
  assert.doesNotMatch(quiet, /STALE|tripped/i);
  await ok('list', 'policy', 'odd', '--max-age', '1s');
  await ok('list', 'disable', 'odd', 'flat-0', '--reason', 'black');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.match(await ok('status'), /odd: STALE: last known to be complete 20\S+Z[^]*odd: disabled: 1 entries/);
  assert.match(await ok('list', 'show', 'odd'), /complete +20\S+Z {2}STALE/);
  const [loaded] = lines(await ok('list', 'show', 'odd', '--json'));
  assert.deepEqual([loaded.loaded.stale, loaded.loaded.flatHashes, loaded.loaded.entriesDisabled], [true, '3', 1]);
  const [tamizTest] = lines(await ok('status', '--json'));
  assert.ok(tamizTest.lists.every((one) => one.completeAt));
  assert.ok(await server.metric('tamiz_list_complete_timestamp_seconds', 'list="odd"') > Date.now() / 1000 - 600);
  await ok('list', 'delete', 'odd', '--yes');
});

test('status, selftest, formats', async () => {
  const status = await tamiz(server, ['status']);
  assert.equal(status.code, 0);
  assert.match(status.stdout, /: ready\n/);
  assert.match(status.stdout, /confinement +.*seccomp/);
  assert.equal(lines((await tamiz(server, ['--json', 'status'])).stdout)[0].ready, true);
  const selfTest = await tamiz(server, ['selftest']);
  assert.equal(selfTest.code, 0, selfTest.stdout);
  assert.match(selfTest.stdout, /self-test +passed/);
  assert.match((await tamiz(server, ['formats'])).stdout, /jpeg +image\/jpeg +yes/);
});

test('a server that is not there, a wrong option, a token in clear text', async () => {
  const nobody = await run(path.join(binDir, 'tamiz'), ['--server', '127.0.0.1:1', 'status']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /UNAVAILABLE/);
  const wrong = await run(path.join(binDir, 'tamiz'), ['scan', '--nonsense', 'x']);
  assert.equal(wrong.code, 1);
  const token = path.join(work, 'token');
  fs.writeFileSync(token, 'secret\n');
  const clear = await run(path.join(binDir, 'tamiz'), ['--server', '192.0.2.1:50051', '--token-file', token, 'status']);
  assert.equal(clear.code, 1);
  assert.match(clear.stderr, /clear text/);
});
