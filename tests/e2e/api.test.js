// Every method of every service, called by an independent client.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { GrpcReflection } from 'grpc-js-reflection-client';

import { Client, details, driven, failure, grpc, status, until } from './support/client.js';
import { Server, media, mediaDir, temporaryDirectory } from './support/server.js';

let server;
let client;
let roots;
const original = media('original.jpg');
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const seconds = (duration) => Number(duration?.seconds ?? 0) + (duration?.nanos ?? 0) / 1e9;

before(async () => {
  roots = temporaryDirectory();
  fs.copyFileSync(path.join(mediaDir, 'rotated.jpg'), path.join(roots, 'rotated.jpg'));
  fs.symlinkSync(path.join(mediaDir, 'original.jpg'), path.join(roots, 'way-out.jpg'));
  server = await Server.start({ environment: { TAMIZ__SOURCE__FILE_ROOTS: JSON.stringify([roots]) } });
  client = new Client(server.address);
  await client.listOf('known', { original }, { source_org: 'e2e', labels: ['test'] });
});
after(async () => {
  client?.close();
  await server?.stop();
  fs.rmSync(roots, { recursive: true, force: true });
});

describe('health and reflection', () => {
  const services = ['ScanService', 'HashService', 'ListService', 'ExchangeService', 'AdminService'].map((name) => `tamiz.v1.${name}`);

  test('health is SERVING, overall and for each service', async () => {
    for (const service of ['', ...services]) {
      const answer = await client.call(client.health, 'Check', { service });
      assert.equal(answer.status, 'SERVING', service);
    }
    await failure(client.call(client.health, 'Check', { service: 'no.such.Service' }), status.NOT_FOUND);
  });

  test('health can be watched', async () => {
    driven.add(client.health.Watch.path);
    const stream = client.health.Watch({ service: services[0] });
    const first = await new Promise((resolve, reject) => {
      stream.once('data', resolve);
      stream.once('error', reject);
    });
    assert.equal(first.status, 'SERVING');
    stream.on('error', () => {});
    stream.cancel();
  });

  test('reflection names all services and describes them', async () => {
    const reflection = new GrpcReflection(server.address, grpc.credentials.createInsecure());
    const names = await reflection.listServices();
    for (const service of [...services, 'grpc.health.v1.Health']) assert.ok(names.includes(service), service);
    const methods = await reflection.listMethods('tamiz.v1.ScanService');
    assert.deepEqual(methods.map((method) => method.name).sort(), ['ListFormats', 'Scan', 'ScanMany', 'ScanStream', 'ScanUpload']);
  });
});

describe('scanning', () => {
  test('Scan finds an identical file with confidence 1', async () => {
    const result = await client.scanBytes(original, { request_id: 'identical', return_hashes: true });
    assert.equal(result.verdict, 'VERDICT_MATCH');
    assert.equal(result.confidence, 1);
    assert.equal(result.request_id, 'identical');
    const [match] = result.matches;
    assert.equal(match.exact, true);
    assert.equal(match.list_name, 'known');
    assert.equal(match.list_version, 1);
    assert.equal(match.entry_id, 'original');
    assert.equal(match.source_org, 'e2e');
    assert.ok(match.basis.calibration);
    assert.deepEqual(result.digests.sha256, sha256(original));
    assert.equal(result.media.format, 'jpeg');
    assert.equal(result.media.width, 1024);
    assert.equal(result.media.height, 768);
    assert.equal(result.media.size_bytes, original.length);
    assert.equal(result.hashes.length, 1);
    assert.equal(result.hashes[0].pdq.length, 32);
    assert.equal(result.coverage.frames_decoded, 1);
    assert.equal(result.snapshot.lists.some((list) => list.list_name === 'known' && list.version === 1), true);
    assert.ok(seconds(result.timings.total) > 0);
    assert.ok(result.scan_id);
  });

  test('ScanStream tells progress and matches, then gives the result that Scan gives', async () => {
    driven.add(client.scans.ScanStream.path);
    const request = { content: media('clip.mp4'), request_id: 'streamed' };
    const events = await new Promise((resolve, reject) => {
      const seen = [];
      const stream = client.scans.ScanStream({ request, progress_interval: { seconds: 0, nanos: 20_000_000 } });
      stream.on('data', (event) => seen.push(event));
      stream.on('end', () => resolve(seen));
      stream.on('error', reject);
    });
    const kinds = events.map((event) => event.event);
    assert.ok(kinds.includes('progress'));
    assert.ok(kinds.includes('match'));
    assert.equal(kinds.filter((kind) => kind === 'result').length, 1);
    assert.equal(kinds.at(-1), 'result');
    const progress = events.filter((event) => event.progress).map((event) => event.progress);
    for (let i = 1; i < progress.length; i++) assert.ok(progress[i].frames_decoded >= progress[i - 1].frames_decoded);
    const { result } = events.at(-1);
    assert.equal(result.verdict, 'VERDICT_MATCH');
    const told = new Set(events.filter((event) => event.match).map((event) => event.match.entry_id));
    for (const match of result.matches) assert.ok(told.has(match.entry_id), match.entry_id);
    const unary = await client.scanBytes(media('clip.mp4'), { request_id: 'streamed' });
    assert.equal(unary.scan_id, result.scan_id);
  });

  test('ScanStream ends with the error that Scan ends with', async () => {
    const error = await new Promise((resolve) => {
      const stream = client.scans.ScanStream({ request: { request_id: 'no source' } });
      stream.on('data', (event) => assert.ok(!event.result));
      stream.on('error', resolve);
    });
    assert.equal(error.code, status.INVALID_ARGUMENT);
  });

  test('stop_on_match answers a known file', async () => {
    const result = await client.scanBytes(original, { stop_on_match: true });
    assert.equal(result.verdict, 'VERDICT_MATCH');
    assert.deepEqual(result.incomplete_reasons, []);
  });

  for (const [name, transform] of [
    ['recompressed.jpg', 'TRANSFORM_IDENTITY'], ['resized.png', 'TRANSFORM_IDENTITY'], ['greyscale.jpg', 'TRANSFORM_IDENTITY'],
    ['mirrored.jpg', 'TRANSFORM_FLIP_HORIZONTAL'], ['rotated.jpg', 'TRANSFORM_ROTATE_90'],
  ]) {
    test(`Scan finds ${name} as ${transform}`, async () => {
      const result = await client.scanBytes(media(name));
      assert.equal(result.verdict, 'VERDICT_MATCH');
      const [match] = result.matches;
      assert.equal(match.exact, false);
      assert.equal(match.hash_type, 'HASH_TYPE_PDQ');
      assert.equal(match.transform, transform);
      assert.ok(match.distance <= match.radius, `${match.distance} of ${match.radius}`);
      assert.ok(match.confidence > 0.5 && match.confidence < 1);
      assert.equal(result.confidence, match.confidence);
    });
  }

  test('Scan finds a known picture in a clip, with its time', async () => {
    const result = await client.scanBytes(media('clip.mp4'));
    assert.equal(result.verdict, 'VERDICT_MATCH');
    assert.equal(result.media.format, 'mp4');
    assert.equal(result.media.codec, 'h264');
    const [match] = result.matches;
    assert.ok(match.corroborating_frames >= 2);
    assert.ok(seconds(match.query_ranges[0].start) >= 3.9 && seconds(match.query_ranges[0].start) <= 4.1);
    assert.ok(seconds(match.query_ranges[0].end) >= 5 && seconds(match.query_ranges[0].end) <= 6.1);
    assert.ok(match.query_coverage > 0.1 && match.query_coverage < 0.5);
  });

  test('an unrelated picture is no known match, a cut one incomplete', async () => {
    const unrelated = await client.scanBytes(media('unrelated.jpg'));
    assert.equal(unrelated.verdict, 'VERDICT_NO_KNOWN_MATCH');
    assert.equal(unrelated.confidence, 0);
    const broken = await client.scanBytes(media('broken.jpg'));
    assert.equal(broken.verdict, 'VERDICT_INCOMPLETE');
    assert.match(broken.incomplete_reasons[0].code, /DECODE_(TRUNCATED|FAILED)/);
    assert.ok(broken.incomplete_reasons[0].detail);
    const noise = await client.scanBytes(Buffer.from('neither picture nor video'));
    assert.equal(noise.verdict, 'VERDICT_INCOMPLETE');
    assert.equal(noise.incomplete_reasons[0].code, 'INCOMPLETE_CODE_FORMAT_UNKNOWN');
  });

  test('Scan reads file:// below its roots and nowhere else', async () => {
    const result = await client.scan({ uri: `file://${roots}/rotated.jpg` });
    assert.equal(result.verdict, 'VERDICT_MATCH');
    await failure(client.scan({ uri: `file://${roots}/absent.jpg` }), status.NOT_FOUND);
    await failure(client.scan({ uri: `file://${path.join(mediaDir, 'original.jpg')}` }), status.PERMISSION_DENIED, status.NOT_FOUND);
    await failure(client.scan({ uri: `file://${roots}/../../etc/passwd` }), status.PERMISSION_DENIED, status.NOT_FOUND, status.INVALID_ARGUMENT);
    await failure(client.scan({ uri: `file://${roots}/way-out.jpg` }), status.PERMISSION_DENIED, status.NOT_FOUND);
    await failure(client.scan({ uri: 'gopher://example.org/x' }), status.INVALID_ARGUMENT, status.UNIMPLEMENTED);
  });

  test('bad requests say which field is at fault', async () => {
    const noSource = await failure(client.scan({}), status.INVALID_ARGUMENT);
    assert.ok(details(noSource).BadRequest, 'BadRequest is attached');
    const interval = await failure(client.scanBytes(original, { sampling: { interval: { seconds: 0, nanos: 1000 } } }), status.INVALID_ARGUMENT);
    assert.equal(details(interval).BadRequest.field_violations[0].field, 'sampling.interval');
    await failure(client.scanBytes(original, { request_id: 'x'.repeat(129) }), status.INVALID_ARGUMENT);
    await failure(client.scanBytes(original, { lists: ['no-such-list'] }), status.NOT_FOUND);
  });

  test('the same request_id gets the same answer', async () => {
    const request = { request_id: 'again' };
    const first = await client.scanBytes(media('unrelated.jpg'), request);
    const second = await client.scanBytes(media('unrelated.jpg'), request);
    assert.equal(second.scan_id, first.scan_id);
    const other = await client.scanBytes(media('unrelated.jpg'), { request_id: 'once more' });
    assert.notEqual(other.scan_id, first.scan_id);
  });

  test('ScanUpload takes pieces of any size', async () => {
    for (const sizes of [[1, 2, 3, 4093, 65537], [original.length], [7919]]) {
      const result = await client.upload(original, { request_id: `upload-${sizes}` }, sizes);
      assert.equal(result.verdict, 'VERDICT_MATCH');
      assert.equal(result.confidence, 1);
      assert.deepEqual(result.digests.sha256, sha256(original));
      assert.equal(result.media.size_bytes, original.length);
    }
    const empty = await client.upload(Buffer.alloc(0));
    assert.equal(empty.verdict, 'VERDICT_INCOMPLETE');
  });

  test('ScanUpload wants options first, once, and without a source', async () => {
    await failure(client.clientStream(client.scans, 'ScanUpload', [{ chunk: original }]), status.INVALID_ARGUMENT);
    await failure(client.clientStream(client.scans, 'ScanUpload', [{ options: { uri: 'file:///etc/passwd' } }]), status.INVALID_ARGUMENT);
    await failure(client.clientStream(client.scans, 'ScanUpload', []), status.INVALID_ARGUMENT);
  });

  test('ScanMany answers each item; bad ones do not end the stream', async () => {
    const requests = [];
    for (let i = 0; i < 12; i += 1) requests.push({ request_id: `match-${i}`, content: media('resized.png') });
    requests.push({ request_id: 'no-source' });
    requests.push({ request_id: 'no-list', content: original, lists: ['no-such-list'] });
    requests.push({ request_id: 'broken', content: media('broken.jpg') });
    requests.push({ request_id: 'denied', uri: 'file:///etc/passwd' });
    requests.push({ request_id: 'last', content: media('unrelated.jpg') });
    const answers = new Map((await client.scanMany(requests)).map((answer) => [answer.request_id, answer]));
    assert.equal(answers.size, requests.length);
    for (let i = 0; i < 12; i += 1) assert.equal(answers.get(`match-${i}`).result.verdict, 'VERDICT_MATCH');
    assert.equal(answers.get('no-source').error.code, status.INVALID_ARGUMENT);
    assert.equal(answers.get('no-list').error.code, status.NOT_FOUND);
    assert.ok(answers.get('no-list').error.message);
    assert.equal(answers.get('broken').result.verdict, 'VERDICT_INCOMPLETE');
    assert.ok([status.PERMISSION_DENIED, status.NOT_FOUND].includes(answers.get('denied').error.code));
    assert.equal(answers.get('last').result.verdict, 'VERDICT_NO_KNOWN_MATCH');
  });

  test('ListFormats tells what can be decoded', async () => {
    const { formats } = await client.call(client.scans, 'ListFormats');
    const names = formats.map((format) => format.name);
    assert.deepEqual(names, [...names].sort());
    for (const name of ['jpeg', 'png', 'gif', 'webp', 'heic', 'avif', 'mp4']) {
      assert.ok(formats.find((format) => format.name === name)?.enabled, name);
    }
  });

  test('a call that is cancelled or out of time stops its work', async () => {
    const call = client.scans.Scan({ content: media('clip.mp4'), sampling: { every_frame: true } }, () => {});
    driven.add(client.scans.Scan.path);
    await until('the scan runs', async () => (await client.call(client.admin, 'GetStatus')).scans_running > 0 || server.metric('tamiz_scans_total'));
    call.cancel();
    const error = await failure(client.scanBytes(media('clip.mp4'), { sampling: { every_frame: true } }, { seconds: 0.03 }), status.DEADLINE_EXCEEDED);
    assert.ok(error);
    await until('no scan runs', async () => (await client.call(client.admin, 'GetStatus')).scans_running === 0);
    const result = await client.scanBytes(original);
    assert.equal(result.verdict, 'VERDICT_MATCH');
  });
});

describe('hashing and looking up', () => {
  test('Hash gives digests and PDQ and consults no list', async () => {
    const answer = await client.call(client.hashes, 'Hash', { content: original, all_orientations: true, request_id: 'h' });
    assert.deepEqual(answer.digests.sha256, sha256(original));
    assert.deepEqual(answer.digests.md5, crypto.createHash('md5').update(original).digest());
    assert.deepEqual(answer.digests.sha1, crypto.createHash('sha1').update(original).digest());
    assert.equal(answer.hashes.length, 1);
    assert.ok(answer.hashes[0].quality >= 50);
    assert.equal(answer.orientations[0].pdq.length, 8);
    assert.deepEqual(answer.orientations[0].pdq[0], answer.hashes[0].pdq);
    assert.equal(answer.matches, undefined);
    await failure(client.call(client.hashes, 'Hash', {}), status.INVALID_ARGUMENT);
  });

  test('Lookup finds hashes computed elsewhere', async () => {
    const { hashes: [frame] } = await client.call(client.hashes, 'Hash', { content: media('recompressed.jpg') });
    const near = await client.call(client.hashes, 'Lookup', { hashes: [{ type: 'HASH_TYPE_PDQ', value: frame.pdq, quality: frame.quality }] });
    assert.equal(near.verdict, 'VERDICT_MATCH');
    assert.equal(near.matches[0].entry_id, 'original');
    const exact = await client.call(client.hashes, 'Lookup', { hashes: [{ type: 'HASH_TYPE_SHA256', hex: sha256(original).toString('hex').toUpperCase() }] });
    assert.equal(exact.verdict, 'VERDICT_MATCH');
    assert.equal(exact.confidence, 1);
    const unknown = await client.call(client.hashes, 'Lookup', { hashes: [{ type: 'HASH_TYPE_SHA256', hex: '0'.repeat(64) }] });
    assert.equal(unknown.verdict, 'VERDICT_INCOMPLETE', 'a digest on no list says nothing about the picture');
    const other = await client.call(client.hashes, 'Hash', { content: media('unrelated.jpg') });
    const far = await client.call(client.hashes, 'Lookup', { hashes: [{ type: 'HASH_TYPE_PDQ', value: other.hashes[0].pdq, quality: 100 }], lists: ['known'] });
    assert.equal(far.verdict, 'VERDICT_NO_KNOWN_MATCH');
    const short = await failure(client.call(client.hashes, 'Lookup', { hashes: [{ type: 'HASH_TYPE_PDQ', hex: 'abcd' }] }), status.INVALID_ARGUMENT);
    assert.ok(details(short).BadRequest);
    await failure(client.call(client.hashes, 'Lookup', { hashes: [] }), status.INVALID_ARGUMENT);
  });
});

describe('lists', () => {
  const call = (method, request) => client.call(client.lists, method, request);

  test('CreateList, GetList, ListLists, UpdateList, DeleteList', async () => {
    const { list } = await call('CreateList', { name: 'policy', source_org: 'org', labels: ['a', 'b'], policy: { radius: 20 } });
    assert.ok(list.list_id);
    assert.equal(list.version, 0);
    assert.equal(list.policy.radius, 20);
    assert.equal(list.policy.mode, 'LIST_MODE_ENFORCE');
    assert.equal(list.policy.quality_floor, 50);
    await failure(call('CreateList', { name: 'policy' }), status.ALREADY_EXISTS);
    const badName = await failure(call('CreateList', { name: 'no spaces' }), status.INVALID_ARGUMENT);
    assert.equal(details(badName).BadRequest.field_violations[0].field, 'name');
    await failure(call('CreateList', { name: 'wide', policy: { radius: 65 } }), status.INVALID_ARGUMENT);

    assert.equal((await call('GetList', { list: 'policy' })).list.list_id, list.list_id);
    assert.equal((await call('GetList', { list: list.list_id })).list.name, 'policy');
    await failure(call('GetList', { list: 'absent' }), status.NOT_FOUND);

    const names = [];
    let page_token = '';
    do {
      const page = await call('ListLists', { page_size: 1, page_token });
      assert.ok(page.lists.length <= 1);
      names.push(...page.lists.map((one) => one.name));
      page_token = page.next_page_token;
    } while (page_token);
    for (const name of ['known', 'policy', 'tamiz-test']) assert.ok(names.includes(name), name);
    assert.deepEqual(names, [...names].sort());

    const { list: updated } = await call('UpdateList', {
      list: 'policy', update: { description: 'new', policy: { radius: 10, review_radius: 40 } },
      update_mask: { paths: ['policy.radius', 'policy.review_radius'] } });
    assert.equal(updated.policy.radius, 10);
    assert.equal(updated.policy.review_radius, 40);
    assert.equal(updated.description, '', 'not in the mask');
    assert.equal(updated.source_org, 'org');
    await failure(call('UpdateList', { list: 'policy', update: {}, update_mask: { paths: ['policy.nonsense'] } }), status.INVALID_ARGUMENT);

    await call('DeleteList', { list: 'policy' });
    await failure(call('GetList', { list: 'policy' }), status.NOT_FOUND);
    await failure(call('DeleteList', { list: 'tamiz-test' }), status.FAILED_PRECONDITION);
  });

  test('ImportEntries: dry run, rejected rows, replace, too many bad rows', async () => {
    await call('CreateList', { name: 'imported' });
    const row = (i) => `id-${i},sha256,${crypto.createHash('sha256').update(String(i)).digest('hex')},A1;B2,"{""case"":""${i}""}"`;
    const csv = (rows) => `entry_id,hash_type,value,labels,metadata\n${rows.join('\n')}\n`;
    const rows = Array.from({ length: 500 }, (_, i) => row(i));

    const dry = await client.importText(csv(rows), { list: 'imported', dry_run: true });
    assert.equal(dry.dry_run, true);
    assert.equal(dry.entries_added, 500);
    assert.equal((await call('GetList', { list: 'imported' })).list.version, 0);

    const done = await client.importText(csv([...rows.slice(0, 250), 'id-bad,sha256,xyz,,', ...rows.slice(250)]), { list: 'imported' }, 777);
    assert.equal(done.rows_read, 501);
    assert.equal(done.rows_rejected, 1);
    assert.equal(done.rejected[0].line, 252);
    assert.ok(done.rejected[0].reason);
    assert.ok(!done.rejected[0].reason.includes('xyz'), 'a reason quotes no value');
    assert.equal(done.entries_added, 500);
    assert.equal(done.list.version, 1);

    const again = await client.importText(csv(rows.slice(0, 400)), { list: 'imported', replace: true });
    assert.equal(again.entries_removed, 100);
    assert.equal(again.entries_unchanged, 400);
    const bad = Array.from({ length: 100 }, (_, i) => `x-${i},sha256,oops,,`);
    await failure(client.importText(csv([...rows.slice(0, 10), ...bad]), { list: 'imported' }), status.FAILED_PRECONDITION);
    assert.equal((await call('GetList', { list: 'imported' })).list.version, 2, 'a refused import changes nothing');
    // A handful of bad rows in a small file does not stop it, unless the caller says so.
    const small = csv([rows[0], 'id-bad,sha256,xyz,,', 'id-worse,sha1,,,']);
    await failure(client.importText(small, { list: 'imported', max_rejected_share: 0.5 }), status.FAILED_PRECONDITION);
    assert.equal((await client.importText(small, { list: 'imported' })).rows_rejected, 2);
    await failure(client.importText(csv(['id-bad,sha256,xyz,,']), { list: 'imported' }), status.FAILED_PRECONDITION);
    await failure(client.importText(csv(rows), { list: 'absent' }), status.NOT_FOUND);
    await failure(client.importText('a,b,c\n1,2,3\n', { list: 'imported' }), status.INVALID_ARGUMENT);

    const columns = await client.importText(`7;${crypto.createHash('md5').update('7').digest('hex')}\n`,
      { list: 'imported', delimiter: ';', no_header: true, default_hash_type: 'md5', columns: { entry_id: '1', value: '2' } });
    assert.equal(columns.entries_added, 1);
    const ndjson = await client.importText(`${JSON.stringify({ entry_id: 'n1', hash_type: 'md5', value: '11'.repeat(16) })}\n`,
      { list: 'imported', format: 'ndjson' });
    assert.equal(ndjson.entries_added, 1);
  });

  test('AddEntries, GetEntry, DisableEntry, RemoveEntries take effect at once', async () => {
    const { list } = await call('CreateList', { name: 'single' });
    assert.equal(list.version, 0);
    const other = media('unrelated.jpg');
    const byMedia = await call('AddEntries', { list: 'single', media: [{ entry: { entry_id: 'waves', labels: ['A1'], metadata: { case: '12' } }, content: other }] });
    assert.equal(byMedia.entries_added, 1);
    assert.equal(byMedia.list.version, 1);
    const byHash = await call('AddEntries', { list: 'single', entries: [{ entry_id: 'digest', hashes: [{ type: 'HASH_TYPE_MD5', hex: 'ab'.repeat(16) }] }] });
    assert.equal(byHash.list.entry_count, 2);

    const { entry } = await call('GetEntry', { list: 'single', entry_id: 'waves' });
    assert.deepEqual(entry.labels, ['A1']);
    assert.equal(entry.metadata.case, '12');
    assert.ok(entry.hashes.length >= 1);
    for (const hash of entry.hashes) assert.ok(hash.value.length === 0 && hash.hex === '', 'no hash values');
    await failure(call('GetEntry', { list: 'single', entry_id: 'absent' }), status.NOT_FOUND);

    const scan = () => client.scanBytes(other, { lists: ['single'] });
    const found = await scan();
    assert.equal(found.verdict, 'VERDICT_MATCH');
    assert.deepEqual(found.matches[0].labels, ['A1']);
    assert.equal(found.matches[0].metadata.case, '12');
    await call('DisableEntry', { list: 'single', entry_id: 'waves', reason: 'a chair' });
    assert.equal((await scan()).verdict, 'VERDICT_NO_KNOWN_MATCH');
    const { holds, events } = await call('ListHolds', { list: 'single' });
    assert.deepEqual(holds.map((hold) => [hold.entry_id, hold.reason]), [['waves', 'a chair']]);
    assert.equal(events.length, 1);
    await failure(call('ResetBreaker', { list: 'single', entry_id: 'waves' }), status.NOT_FOUND);
    await call('DisableEntry', { list: 'single', entry_id: 'waves', enable: true });
    assert.equal((await scan()).verdict, 'VERDICT_MATCH');
    await failure(call('DisableEntry', { list: 'single', entry_id: 'absent' }), status.NOT_FOUND);
    await failure(call('RemoveEntries', { list: 'single', entry_ids: ['waves', 'absent'] }), status.NOT_FOUND);
    assert.equal((await scan()).verdict, 'VERDICT_MATCH', 'nothing was removed');
    const removed = await call('RemoveEntries', { list: 'single', entry_ids: ['waves'] });
    assert.equal(removed.entries_removed, 1);
    assert.equal((await scan()).verdict, 'VERDICT_NO_KNOWN_MATCH');
  });

  test('ListVersions, DiffVersions, RollbackList, ExportEntries', async () => {
    const { versions } = await call('ListVersions', { list: 'single' });
    assert.deepEqual(versions.map((one) => one.version), versions.map((_, i) => versions.length - i), 'newest first');
    assert.equal(versions.filter((one) => one.current).length, 1);
    const first = versions.at(-1);
    assert.equal(first.version, 1);

    const difference = await call('DiffVersions', { list: 'single', from_version: 1, to_version: 0 });
    assert.deepEqual(difference.added_ids, ['digest']);
    assert.deepEqual(difference.removed_ids, ['waves']);

    const { list } = await call('RollbackList', { list: 'single', version: 1 });
    assert.equal(list.version, versions.length + 1);
    assert.equal(list.digest, first.digest);
    assert.equal((await client.scanBytes(media('unrelated.jpg'), { lists: ['single'] })).verdict, 'VERDICT_MATCH');
    await failure(call('RollbackList', { list: 'single', version: 999 }), status.NOT_FOUND);

    const entries = await client.exportEntries('single');
    assert.deepEqual(entries.map((entry) => entry.entry_id), ['waves']);
    const digest = entries[0].hashes.find((hash) => hash.type === 'HASH_TYPE_SHA256');
    assert.deepEqual(digest.value, sha256(media('unrelated.jpg')));
    assert.equal(digest.hex, sha256(media('unrelated.jpg')).toString('hex'));
    assert.deepEqual((await client.exportEntries('single', 2)).map((entry) => entry.entry_id).sort(), ['digest', 'waves']);
    await failure(client.exportEntries('absent'), status.NOT_FOUND);
  });

  test('mode and review radius change what counts', async () => {
    const list = (policy, paths) => call('UpdateList', { list: 'known', update: { policy }, update_mask: { paths } });
    await list({ mode: 'LIST_MODE_SHADOW' }, ['policy.mode']);
    const shadow = await client.scanBytes(media('resized.png'), { lists: ['known'] });
    assert.equal(shadow.verdict, 'VERDICT_NO_KNOWN_MATCH');
    assert.equal(shadow.matches[0].shadow, true);
    await list({ mode: 'LIST_MODE_OFF' }, ['policy.mode']);
    const off = await client.scanBytes(media('resized.png'));
    assert.equal(off.verdict, 'VERDICT_NO_KNOWN_MATCH');
    assert.deepEqual(off.matches, []);
    await list({ mode: 'LIST_MODE_ENFORCE', radius: 0, review_radius: 31 }, ['policy.mode', 'policy.radius', 'policy.review_radius']);
    const review = await client.scanBytes(media('resized.png'), { lists: ['known'] });
    assert.ok(review.matches[0].distance > 0);
    assert.equal(review.verdict, 'VERDICT_POSSIBLE_MATCH');
    assert.equal(review.matches[0].review, true);
    await list({ radius: 31, orientations: false }, ['policy.radius', 'policy.orientations']);
    assert.equal((await client.scanBytes(media('rotated.jpg'), { lists: ['known'] })).verdict, 'VERDICT_NO_KNOWN_MATCH');
    await list({ orientations: true }, ['policy.orientations']);
    assert.equal((await client.scanBytes(media('rotated.jpg'), { lists: ['known'] })).verdict, 'VERDICT_MATCH');
  });

  test('an allow list suppresses', async () => {
    await client.listOf('harmless', { picture: media('resized.png') }, { kind: 'LIST_KIND_ALLOW' });
    assert.equal((await client.scanBytes(media('resized.png'))).verdict, 'VERDICT_NO_KNOWN_MATCH');
    await call('DeleteList', { list: 'harmless' });
    assert.equal((await client.scanBytes(media('resized.png'))).verdict, 'VERDICT_MATCH');
  });
});

describe('administration', () => {
  test('GetStatus, SelfTest, ReloadConfig', async () => {
    const state = await client.call(client.admin, 'GetStatus');
    assert.equal(state.ready, true);
    assert.deepEqual(state.problems, []);
    assert.ok(state.sandbox_layers.includes('seccomp'));
    assert.ok(state.lists.some((one) => one.list.list_name === 'known' && one.entries === 1));
    assert.ok(state.resident_bytes > 1e6);
    const { report } = await client.call(client.admin, 'SelfTest');
    assert.equal(report.passed, true, JSON.stringify(report.cases));
    assert.ok(report.cases.length >= 2);
    const reloaded = await client.call(client.admin, 'ReloadConfig');
    assert.deepEqual([...reloaded.applied, ...reloaded.needs_restart], []);
  });
});

// With real servers: exchanges.test.js.
test('exchanges that are not there', async () => {
  assert.deepEqual((await client.call(client.exchanges, 'ListExchanges')).exchanges, []);
  await failure(client.call(client.exchanges, 'AddExchange', { settings: { name: 'x', list: 'x', type: 'other' } }), status.INVALID_ARGUMENT);
  for (const method of ['SyncExchange', 'TestExchange', 'RemoveExchange', 'ListFeedbackReasons', 'SendFeedback']) {
    await failure(client.call(client.exchanges, method, { name: 'nobody', kind: 'FEEDBACK_KIND_AFFIRMATIVE' }), status.NOT_FOUND);
  }
  await failure(client.call(client.lists, 'ApproveChange', { list: 'tamiz-test' }), status.NOT_FOUND);
});

test('every method was driven', () => {
  const missing = [];
  for (const one of [client.scans, client.hashes, client.lists, client.exchanges, client.admin, client.health]) {
    for (const name of Object.keys(Object.getPrototypeOf(one))) {
      const { path: method } = one[name];
      // Health.List is younger than this server's gRPC.
      if (method && !driven.has(method) && method !== '/grpc.health.v1.Health/List') missing.push(method);
    }
  }
  assert.deepEqual([...new Set(missing)], []);
  assert.ok(driven.size >= 24, `${driven.size} methods`);
});
