// Known videos, edited: what the answer says of order, speed and direction; vPDQ sequences of the reference
// implementation in both directions. The long form is bench/video_recall.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ffmpeg } from '../../bench/video_recall/media.mjs';
import { makeSet, measure } from '../../bench/video_recall/recall.mjs';
import { Client } from './support/client.js';
import { Server, temporaryDirectory } from './support/server.js';

let server;
let client;
let work;
before(async () => {
  work = temporaryDirectory();
  server = await Server.start();
  client = new Client(server.address);
});
after(async () => {
  client?.close();
  await server?.stop();
  fs.rmSync(work, { recursive: true, force: true });
});

test('edits of known videos are found, strangers are not', async () => {
  const chosen = ['re-encoded at 240p', 'speed 1.25', 'mirrored'];
  const set = await makeSet(work, { seed: 3, originals: 1, strangers: 1, scenes: 2, seconds: 5, chosen });
  const { rows, details } = await measure(client, set);
  for (const row of rows) {
    assert.equal(row.false_matches, 0, row.edit);
    assert.equal(row.match + row.review, row.cases, `${row.edit} (${row.plan})`);
    // So small a clip costs little: the fast plan looks at it as closely as the default one.
    const usual = rows.find((one) => one.edit === row.edit && one.plan === 'default');
    if (row.plan === 'fast') assert.equal(row.match, usual.match, row.edit);
  }
  const exact = (edit) => details.find((detail) => detail.plan === 'exact' && detail.edit === edit);
  assert.ok(exact('re-encoded at 240p').coverage >= 0.8);
  assert.ok(Math.abs(exact('re-encoded at 240p').speed - 1) < 0.05);
  // A speed is known to one sampling interval over the length of its segment.
  const { segments, frames, speed } = exact('speed 1.25');
  if (segments > 0) assert.ok(Math.abs(speed - 1.25) <= 0.05 + 1 / (frames - 1), `${speed} from ${frames} frames`);
  assert.equal(exact('mirrored').reversed, false);
});

test('of a clip in a long video, found in part, the rest is found by a closer look', async () => {
  const file = (name) => path.join(work, name);
  const encode = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'veryfast', '-threads', '1', '-bitexact', '-g', '48'];
  await ffmpeg(['-f', 'lavfi', '-i', 'mandelbrot=s=1600x900:start_scale=0.05:start_x=-0.7453:start_y=0.1127', '-frames:v', '1', file('ground.png')]);
  // A camera that moves so fast that half a second makes another picture.
  await ffmpeg(['-loop', '1', '-framerate', '24', '-i', file('ground.png'), '-t', '5.5',
    '-vf', "crop=480:270:x='60+90*t':y='200+40*t'", ...encode, file('known.mp4')]);
  await ffmpeg(['-f', 'lavfi', '-i', 'testsrc2=s=480x270:r=24', '-t', '10.5', ...encode, file('other.mp4')]);
  // Two minutes: more pixels than what any plan looks at exactly. The clip begins half a second beside a full one.
  const turns = Array.from({ length: 11 }, () => 'other.mp4');
  turns.splice(5, 0, 'known.mp4');
  fs.writeFileSync(file('turns.txt'), turns.map((name) => `file '${file(name)}'`).join('\n'));
  await ffmpeg(['-f', 'concat', '-safe', '0', '-i', file('turns.txt'), '-c', 'copy', file('hidden.mp4')]);

  const scan = (by, sampling, more = {}) =>
    by.upload(fs.readFileSync(file('hidden.mp4')), { lists: ['clips'], sampling, ...more }, [1 << 20], { seconds: 120 });
  const policy = { policy: { find_regions: false, straighten: false } };
  await client.listOf('clips', { clip: fs.readFileSync(file('known.mp4')) }, policy);
  const found = await scan(client, {}, { return_hashes: true });
  const [match] = found.matches;
  assert.equal(found.verdict, 'VERDICT_MATCH', `${match?.reference_coverage}`);
  assert.equal(match.segments.length, 1);
  assert.equal(found.coverage.closer_look.length, 1);
  const at = (time) => Number(time.seconds) + time.nanos / 1e9;
  const { start, end } = found.coverage.closer_look[0];
  assert.ok(at(start) < 52.5 && at(end) > 57 && at(end) - at(start) < 40, `${at(start)} to ${at(end)}`);
  // What the plan asked for is what is told and given: about a frame a second.
  assert.equal(found.hashes.length, Number(found.coverage.frames_decoded));
  assert.ok(found.hashes.length < 130, `${found.hashes.length}`);
  assert.equal((await scan(client, { preset: 'SAMPLING_PRESET_FAST' })).verdict, 'VERDICT_MATCH');

  const plain = await Server.start({ environment: { TAMIZ__SCAN__CLOSER_LOOK: 'false' } });
  try {
    const other = new Client(plain.address);
    await other.listOf('clips', { clip: fs.readFileSync(file('known.mp4')) }, policy);
    const without = await scan(other, {});
    assert.equal(without.verdict, 'VERDICT_POSSIBLE_MATCH', `${without.matches[0]?.reference_coverage}`);
    assert.deepEqual(without.coverage.closer_look, []);
    other.close();
  } finally {
    await plain.stop();
  }
});

test('what hangs on an upload is looked at: motion photos, second pictures, covers', async () => {
  const file = (name) => path.join(work, name);
  const make = async (name, ...args) => {
    await ffmpeg([...args, file(name)]);
    return fs.readFileSync(file(name));
  };
  const still = await make('still.jpg', '-f', 'lavfi', '-i', 'mandelbrot=size=640x480:start_scale=1', '-frames:v', '1');
  const known = await make('known.jpg', '-f', 'lavfi', '-i', 'testsrc2=size=640x480', '-frames:v', '1');
  const clip = await make('clip.mp4', '-f', 'lavfi', '-i', 'testsrc=size=640x480:rate=10', '-t', '4', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '10');
  const music = await make('music.mp3', '-f', 'lavfi', '-i', 'sine=440:duration=2', '-i', file('known.jpg'), '-map', '0:a', '-map', '1:v', '-c:v', 'copy');
  await client.listOf('parts', { picture: known, clip });

  // A phone's motion photo: the clip is behind the picture, and known.
  const photo = await client.upload(Buffer.concat([still, clip]), { lists: ['parts'] }, [1 << 20]);
  assert.equal(photo.verdict, 'VERDICT_MATCH');
  assert.equal(photo.media.format, 'jpeg');
  assert.deepEqual(photo.media.parts.map((part) => [part.kind, part.format, Number(part.offset)]),
    [['MEDIA_PART_KIND_APPENDED', 'mp4', still.length]]);
  const found = photo.matches.find((match) => match.entry_id === 'clip');
  assert.deepEqual(found.parts, [1]);
  assert.ok(found.reference_coverage >= 0.8, `${found.reference_coverage}`);
  assert.ok(photo.coverage.frames_decoded >= 4);

  const second = await client.upload(Buffer.concat([still, known]), { lists: ['parts'] }, [1 << 20]);
  assert.equal(second.verdict, 'VERDICT_MATCH');
  assert.deepEqual(second.matches.map((match) => [match.entry_id, match.parts]), [['picture', [1]]]);
  assert.deepEqual(second.matches[0].query_ranges, []);

  const cover = await client.upload(music, { lists: ['parts'] }, [1 << 20]);
  assert.equal(cover.verdict, 'VERDICT_MATCH');
  assert.equal(cover.media.parts[0].kind, 'MEDIA_PART_KIND_ATTACHED');

  // A clip that is cut is no reason to call the whole clean.
  const cut = await client.upload(Buffer.concat([still, clip.subarray(0, 400)]), { lists: ['parts'] }, [1 << 20]);
  assert.equal(cut.verdict, 'VERDICT_INCOMPLETE');
  assert.ok(cut.incomplete_reasons.some((reason) => reason.part === 1), JSON.stringify(cut.incomplete_reasons));
  const noise = await client.upload(Buffer.concat([still, Buffer.from('trailer of a camera')]), { lists: ['parts'] }, [1 << 20]);
  assert.equal(noise.verdict, 'VERDICT_NO_KNOWN_MATCH');
  assert.equal(Number(noise.coverage.unrecognised_bytes), 19);
});

const shared = process.env.TAMIZ_SHARED_DIR;
const vectors = shared && path.join(shared, 'testdata/vpdq/vpdq.json');
const without = shared && fs.existsSync(vectors) ? false : 'TAMIZ_SHARED_DIR has no testdata/vpdq: interoperability is not tested';

describe('vPDQ of the reference implementation', { skip: without }, () => {
  const videos = without ? [] : JSON.parse(fs.readFileSync(vectors)).videos.filter((video) =>
    /chair-orig-22|pattern-hd-no-bar|s01_testsrc2|s15_av1/.test(video.file));
  const usable = (video) => video.rows.filter(([, quality]) => quality >= 50);
  const bytesOf = (video) => fs.readFileSync(path.join(shared, 'testdata/vpdq', video.file));

  test('its sequences match uploads', async () => {
    await client.call(client.lists, 'CreateList', { name: 'vpdq' });
    const lines = ['entry_id,hash_type,value,quality,time_ms'];
    for (const video of videos) {
      for (const [, quality, hash, time] of video.rows) lines.push([path.basename(video.file), 'pdq', hash, quality, Math.round(time * 1000)].join(','));
    }
    await client.importText(`${lines.join('\n')}\n`, { list: 'vpdq', columns: { quality: 'quality', time_ms: 'time_ms' } });
    for (const video of videos) {
      const result = await client.upload(bytesOf(video), { lists: ['vpdq'] }, [1 << 20]);
      assert.equal(result.verdict, 'VERDICT_MATCH', video.file);
      const match = result.matches.find((m) => m.entry_id === path.basename(video.file));
      assert.ok(match && !match.review, video.file);
      assert.ok(match.reference_coverage >= 0.9, `${video.file}: ${match.reference_coverage}`);
      for (const segment of match.segments.slice(0, 1)) assert.ok(Math.abs(segment.speed - 1) < 0.05, video.file);
    }
  });

  test('it is matched by our sequences', async () => {
    for (const video of videos) {
      const list = `ours-${path.basename(video.file)}`.replaceAll('_', '-');
      await client.listOf(list, { known: bytesOf(video) });
      const answer = await client.call(client.hashes, 'Lookup', { lists: [list],
        hashes: usable(video).map(([, quality, hex, time]) => ({ type: 'HASH_TYPE_PDQ', hex, quality, time_ms: Math.round(time * 1000) })) });
      assert.equal(answer.verdict, 'VERDICT_MATCH', video.file);
      assert.ok(answer.matches[0].reference_coverage >= 0.9, `${video.file}: ${answer.matches[0].reference_coverage}`);
      assert.ok(answer.matches[0].query_coverage >= 0.9, video.file);
    }
  });
});
