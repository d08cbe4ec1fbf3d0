// Makes videos to be known, edits of them, and videos that are neither. Everything is drawn from formulas or
// panned over wallpapers of Debian packages; the same seed gives the same files (with the same FFmpeg).
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

// Photographs and drawings to pan over: section [recall] of deploy/packages.txt; `video_recall.mjs --install`
// installs them.
const wallpaperRoots = ['/usr/share/wallpapers', '/usr/share/backgrounds/mate'];

export async function ffmpeg(args) {
  try {
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { maxBuffer: 1 << 24 });
  } catch (error) {
    throw new Error(`ffmpeg ${args.join(' ')}\n${error.stderr}`);
  }
}

// Of everything that is made here, unless said otherwise: 16:9, even at three quarters and at half.
export const smallFrame = { width: 480, height: 270 };

const encode = ['-an', '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-threads', '1', '-bitexact'];

// Small, repeatable, and good enough for choosing.
export function randomFrom(seed) {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state / 4294967296;
  };
}

// One picture of each wallpaper, in order of their names.
export function wallpapers() {
  const found = [];
  const walk = (folder, depth) => {
    if (!fs.existsSync(folder) || depth > 4) return;
    for (const name of fs.readdirSync(folder).sort()) {
      const file = path.join(folder, name);
      const stat = fs.statSync(file);
      if (stat.isDirectory()) walk(file, depth + 1);
      else if (/\.(jpe?g|png)$/i.test(name) && stat.size > 100_000 && !/screenshot/i.test(file)) found.push(file);
    }
  };
  for (const root of wallpaperRoots) walk(root, 0);
  const seen = new Set();
  return found.filter((file) => {
    const key = file.split('/').slice(0, 6).join('/') + (file.includes('backgrounds') ? path.basename(file) : '');
    return !seen.has(key) && seen.add(key);
  });
}

// A camera that moves over a picture for `seconds`, by one to five percent of its width a second.
const pan = (file, seconds, random, { width, height }) => {
  const scale = width / smallFrame.width;
  const dx = scale * (random() < 0.5 ? -1 : 1) * (5 + 20 * random());
  const dy = scale * (random() < 0.5 ? -1 : 1) * (2 + 8 * random());
  const start = (d, room) => (d > 0 ? `${(0.3 * random()).toFixed(3)}*(${room})` : `${(0.7 + 0.3 * random()).toFixed(3)}*(${room})`);
  const x = `clip(${start(dx, 'in_w-out_w')}+${dx.toFixed(2)}*t\\,0\\,in_w-out_w)`;
  const y = `clip(${start(dy, 'in_h-out_h')}+${dy.toFixed(2)}*t\\,0\\,in_h-out_h)`;
  // Decoded and scaled once, then repeated.
  return { input: ['-i', file],
    filter: `scale=${2 * Math.round(0.875 * width)}:-2,format=yuv420p,loop=loop=-1:size=1,setpts=N/24/TB,trim=duration=${seconds},`
      + `crop=${width}:${height}:x=${x}:y=${y},noise=alls=4:allf=t:all_seed=${Math.floor(random() * 1e6)},fps=24,setsar=1` };
};

// A scene drawn from a formula. Fractals look much the same whatever the seed: what must not be taken for something known
// is not drawn from these.
const drawn = (seconds, random, distinct, { width, height }) => {
  const size = `${width}x${height}`;
  const seed = Math.floor(random() * 1e6);
  const sources = [
    `mandelbrot=s=${size}:r=24:start_scale=${(0.02 + random()).toFixed(4)}:start_x=${(-0.745 + 0.01 * random()).toFixed(6)}:start_y=${(0.11 + 0.02 * random()).toFixed(6)}:end_pts=${200 + seed % 300}`,
    `gradients=s=${size}:r=24:seed=${seed}:n=6:speed=0.02,noise=alls=30:all_seed=${seed}`,
    `life=s=48x27:r=6:seed=${seed}:ratio=0.3:mold=20,scale=${width}:${height}:flags=bilinear,fps=24`,
    `sierpinski=s=${size}:r=24:seed=${seed}:jump=60,eq=contrast=1.3`,
  ].filter((source) => !distinct || !/^(mandelbrot|sierpinski)/.test(source));
  return { input: ['-f', 'lavfi', '-t', String(seconds), '-i', sources[Math.floor(random() * sources.length)]],
    filter: 'format=yuv420p,setsar=1' };
};

// Scenes one after the other.
async function join(file, scenes) {
  const inputs = scenes.flatMap((scene) => scene.input);
  const chains = scenes.map((scene, i) => `[${i}:v]${scene.filter},settb=AVTB,setpts=PTS-STARTPTS[s${i}]`);
  const labels = scenes.map((_, i) => `[s${i}]`).join('');
  await ffmpeg([...inputs, '-filter_complex', `${chains.join(';')};${labels}concat=n=${scenes.length}:v=1[v]`, '-map', '[v]',
    '-r', '24', '-crf', '20', ...encode, file]);
}

// Runs jobs (functions that give promises), `width` at a time.
export async function inParallel(jobs, width = os.availableParallelism()) {
  const waiting = [...jobs];
  await Promise.all(Array.from({ length: width }, async () => {
    while (waiting.length > 0) await waiting.shift()();
  }));
}

// `count` videos of `scenes` scenes; every third one drawn, the others panned over wallpapers that no other
// video uses.
export async function makeVideos(folder, name, { count, scenes, seconds, seed, pictures, distinct = false, frame = smallFrame }) {
  const videos = {};
  const jobs = [];
  for (let i = 0; i < count; i += 1) {
    const random = randomFrom(seed * 1000 + i);
    const id = `${name}-${i}`;
    const file = path.join(folder, `${id}.mp4`);
    const parts = [];
    for (let s = 0; s < scenes; s += 1) {
      const picture = i % 3 === 2 ? undefined : pictures.shift();
      const length = seconds * (0.7 + 0.6 * random());
      parts.push(picture ? pan(picture, length.toFixed(2), random, frame) : drawn(length.toFixed(2), random, distinct, frame));
    }
    if (!fs.existsSync(file)) jobs.push(() => join(file, parts));
    videos[id] = file;
  }
  await inParallel(jobs);
  return videos;
}

export async function secondsOf(file) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file]);
  return Number(stdout);
}

// Every edit makes `out` of the original `from`, which lasts `length` seconds; `other` is an unrelated video. What takes part of
// another video has the size `frame`.
const filtered = (filter, extra = []) => ({ from, out }) => ffmpeg(['-i', from, '-vf', filter, ...extra, '-crf', '24', ...encode, out]);
const complex = (graph, more = []) => (args) => ffmpeg(['-i', args.from, '-i', args.other, '-filter_complex', graph(args), '-map', '[v]',
  '-crf', '24', ...more, ...encode, args.out]);
const sameFrame = ({ width, height }) => `scale=${width}:${height},setsar=1,fps=24,format=yuv420p,settb=AVTB,setpts=PTS-STARTPTS`;

export const editsOf = ({ width, height }) => {
  const same = sameFrame({ width, height });
  return {
    'as it is': ({ from, out }) => fs.promises.copyFile(from, out),
    're-encoded at 240p': filtered('scale=-2:240', ['-crf', '33']),
    'other frame rate (15)': filtered('fps=15'),
    'head and tail cut off': ({ from, out, length }) => ffmpeg(['-ss', '1.4', '-t', String(length - 2.8), '-i', from, '-crf', '24', ...encode, out]),
    'cut in the middle': ({ from, out, length }) => ffmpeg(['-i', from, '-vf',
      `select='lt(t,${0.45 * length})+gt(t,${0.58 * length})',setpts=N/24/TB`, '-r', '24', '-crf', '24', ...encode, out]),
    'five seconds inserted': complex(({ length }) => `[0:v]${same},split[a][b];[a]trim=0:${length / 2}[x];[b]trim=start=${length / 2},setpts=PTS-STARTPTS[y];`
      + `[1:v]${same},trim=0:5[i];[x][i][y]concat=n=3:v=1[v]`),
    'speed 0.8': filtered('setpts=PTS/0.8,fps=24'),
    'speed 0.9': filtered('setpts=PTS/0.9,fps=24'),
    'speed 1.1': filtered('setpts=PTS/1.1,fps=24'),
    'speed 1.25': filtered('setpts=PTS/1.25,fps=24'),
    mirrored: filtered('hflip'),
    letterboxed: filtered('pad=iw:ceil(ih*0.75)*2:0:(oh-ih)/2'),
    pillarboxed: filtered('pad=ceil(iw*0.6875)*2:ih:(ow-iw)/2:0'),
    'logo over a corner': complex(() => `[0:v]${same}[a];[1:v]${same},scale=${Math.round(0.175 * width)}:-2[l];[a][l]overlay=W-w-h/4:h/4:shortest=1[v]`),
    'text bar': filtered('drawbox=x=0:y=ih*8/9:w=iw:h=ih/9:color=black@0.7:t=fill'),
    'brighter, more contrast': filtered('eq=brightness=0.08:contrast=1.2:saturation=1.3'),
    'cropped by 4 %': filtered('crop=iw*0.96:ih*0.96'),
    reversed: filtered('reverse'),
    'looped three times': ({ from, out }) => ffmpeg(['-stream_loop', '2', '-i', from, '-crf', '24', ...encode, out]),
    'picture in picture (70 %)': complex(() => `[1:v]${same},loop=-1:1000[b];[0:v]${same},scale=${2 * Math.round(0.35 * width)}:${2 * Math.round(0.35 * height)}[p];[b][p]overlay=(W-w)/2:(H-h)/2:shortest=1[v]`),
  };
};

// Eight seconds each of several originals with something else between.
export async function compilation(files, other, out, frame = smallFrame) {
  const same = sameFrame(frame);
  const chains = files.map((_, i) => `[${i}:v]${same},trim=0:8,setpts=PTS-STARTPTS[p${i}]`);
  chains.push(`[${files.length}:v]${same},trim=0:3,split=${files.length}${files.map((_, i) => `[o${i}]`).join('')}`);
  const order = files.map((_, i) => `[p${i}][o${i}]`).join('');
  await ffmpeg([...files.flatMap((file) => ['-i', file]), '-i', other, '-filter_complex',
    `${chains.join(';')};${order}concat=n=${2 * files.length}:v=1[v]`, '-map', '[v]', '-crf', '24', ...encode, out]);
}

// The known clip somewhere in `minutes` of other things.
export async function hideInLong(clip, others, minutes, at, out, frame = smallFrame) {
  const same = sameFrame(frame);
  const folder = path.dirname(out);
  const long = path.join(folder, 'long-part.mp4');
  const graph = `${others.map((_, i) => `[${i}:v]${same}[p${i}]`).join(';')};${others.map((_, i) => `[p${i}]`).join('')}concat=n=${others.length}:v=1[v]`;
  await ffmpeg([...others.flatMap((file) => ['-i', file]), '-filter_complex', graph, '-map', '[v]', '-g', '48', '-crf', '26', ...encode, long]);
  const part = path.join(folder, 'clip-part.mp4');
  await ffmpeg(['-i', clip, '-vf', same, '-g', '48', '-crf', '26', ...encode, part]);
  const length = await secondsOf(long);
  const list = path.join(folder, 'long.txt');
  const turns = Math.ceil((minutes * 60) / length);
  const lines = Array.from({ length: turns }, () => `file '${long}'`);
  lines.splice(Math.floor(turns * at), 0, `file '${part}'`);
  fs.writeFileSync(list, lines.join('\n'));
  await ffmpeg(['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', out]);
}
