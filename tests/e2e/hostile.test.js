// Damaged media: each gets a verdict, and the server goes on as the same process.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import { after, before, test } from 'node:test';

import { Client } from './support/client.js';
import { run } from './support/process.js';
import { Server, media, mediaDir, temporaryDirectory } from './support/server.js';

const kFiles = 200;
let server;
let client;
let formats;

// Deterministic, so that a failure can be repeated.
function randomNumbers(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

before(async () => {
  formats = temporaryDirectory();
  // The same picture and a short clip in as many formats as the tools at hand write.
  const ffmpeg = async (name, ...args) => {
    const { code, stderr } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, `${formats}/${name}`]);
    assert.equal(code, 0, `${name}: ${stderr}`);
  };
  const still = ['-i', `${mediaDir}/original.jpg`, '-vf', 'scale=320:240', '-frames:v', '1'];
  const clip = ['-i', `${mediaDir}/clip.mp4`, '-t', '3', '-vf', 'scale=160:120', '-an'];
  await ffmpeg('a.jpg', ...still, '-update', '1');
  await ffmpeg('a.png', ...still, '-update', '1');
  await ffmpeg('a.bmp', ...still, '-update', '1');
  await ffmpeg('a.tiff', ...still, '-update', '1');
  await ffmpeg('a.webp', ...still);
  await ffmpeg('a.gif', ...clip, '-r', '5');
  await ffmpeg('b.mp4', ...clip, '-c:v', 'libx264');
  await ffmpeg('b.mov', ...clip, '-c:v', 'mpeg4');
  await ffmpeg('b.mkv', ...clip, '-c:v', 'libx265', '-x265-params', 'log-level=error');
  await ffmpeg('b.webm', ...clip, '-c:v', 'libvpx');
  await ffmpeg('b.avi', ...clip, '-c:v', 'mpeg2video');
  await ffmpeg('b.ts', ...clip, '-c:v', 'mpeg2video');
  await ffmpeg('b.flv', ...clip, '-c:v', 'flv1');
  for (const [program, args] of [['heif-enc', ['-q', '50', `${formats}/a.png`, '-o', `${formats}/a.heic`]],
    ['avifenc', ['-c', 'aom', '-s', '9', `${formats}/a.png`, `${formats}/a.avif`]]]) {
    const { code, stderr } = await run(program, args);
    assert.equal(code, 0, `${program}: ${stderr}`);
  }
  server = await Server.start();
  client = new Client(server.address);
  await client.listOf('known', { original: media('original.jpg') });
});
after(async () => {
  client?.close();
  await server?.stop();
  if (formats) fs.rmSync(formats, { recursive: true, force: true });
});

test('the whole files are what they seem', async () => {
  for (const name of fs.readdirSync(formats).sort()) {
    const result = await client.scanBytes(fs.readFileSync(`${formats}/${name}`));
    const expected = name.startsWith('a.') && name !== 'a.gif' ? 'VERDICT_MATCH' : 'VERDICT_NO_KNOWN_MATCH';
    assert.equal(result.verdict, expected, `${name}: ${JSON.stringify(result.incomplete_reasons)}`);
  }
});

test(`${kFiles} truncated and bit-flipped files`, async () => {
  const random = randomNumbers(20261123);
  const names = fs.readdirSync(formats).sort();
  const { pid } = server;
  const verdicts = {};
  const damaged = [];
  for (let i = 0; i < kFiles; i += 1) {
    const name = names[i % names.length];
    let bytes = Buffer.from(fs.readFileSync(`${formats}/${name}`));
    if (i % 2 === 0) {
      bytes = bytes.subarray(0, 1 + random(bytes.length - 1));
    } else {
      const flips = 1 + random(64);
      // Half of the flips hit the first kilobyte, where the structure is.
      for (let k = 0; k < flips; k += 1) bytes[random(k % 2 ? bytes.length : Math.min(1024, bytes.length))] ^= 1 << random(8);
    }
    damaged.push({ i, name, bytes });
  }
  let next = 0;
  const work = async () => {
    while (next < damaged.length) {
      const { i, name, bytes } = damaged[next++];
      try {
        const result = await client.scanBytes(bytes);
        assert.match(result.verdict, /^VERDICT_(MATCH|POSSIBLE_MATCH|INCOMPLETE|NO_KNOWN_MATCH)$/);
        if (result.verdict === 'VERDICT_INCOMPLETE') assert.ok(result.incomplete_reasons.length > 0, 'incomplete needs a reason');
        if (result.coverage.frames_hashed === 0) {
          assert.equal(result.verdict, 'VERDICT_INCOMPLETE', 'what was not looked at is never clean');
        }
        const key = `${result.verdict.slice(8)}${result.incomplete_reasons.map((reason) => ` ${reason.code.slice(16)}`).join('')}`;
        verdicts[key] = (verdicts[key] ?? 0) + 1;
      } catch (error) {
        const file = `${os.tmpdir()}/tamiz-hostile-${i}-${name}`;
        fs.writeFileSync(file, bytes);
        throw new Error(`file ${i}, a damaged ${name}, kept as ${file}: ${error.message}`, { cause: error });
      }
    }
  };
  await Promise.all([work(), work(), work()]);
  console.log(verdicts);
  assert.equal(server.pid, pid);
  assert.ok(server.running, 'the same process runs');
  const result = await client.scanBytes(media('resized.png'));
  assert.equal(result.verdict, 'VERDICT_MATCH', 'and still finds what is known');
});
