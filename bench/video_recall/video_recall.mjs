// Recall of edited videos: node bench/video_recall/video_recall.mjs --out docs [--work DIR] [--seed N] [--install]
// --whole-frames looks at no parts of frames (pictures in pictures, crops): that takes a fraction of the time.
// --height, --scenes and --seconds (of a scene) make larger and longer videos: what has more than 256 million pixels in all is what
// the plans differ on (docs/VIDEO.md). Needs the programs built (TAMIZ_BIN_DIR, else build/dev/bin), FFmpeg, and the packages of
// tests/e2e (npm ci). --edits 'ONE;ANOTHER' makes and scans these edits only.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { Client } from '../../tests/e2e/support/client.js';
import { Server, sourceDir } from '../../tests/e2e/support/server.js';
import { wallpapers } from './media.mjs';
import { makeSet, measure, plans } from './recall.mjs';
import { csv, markdown, sums, svg } from './report.mjs';

const { values } = parseArgs({ options: {
  out: { type: 'string', default: 'var/video-recall' }, work: { type: 'string' }, seed: { type: 'string', default: '7' },
  originals: { type: 'string', default: '4' }, minutes: { type: 'string', default: '60' }, install: { type: 'boolean' },
  'whole-frames': { type: 'boolean' }, height: { type: 'string', default: '270' }, scenes: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' }, edits: { type: 'string' } } });

if (values.install) execFileSync(path.join(sourceDir, 'deploy/install-packages.sh'), ['recall'], { stdio: 'inherit' });
const pictures = wallpapers().length;
if (pictures < 30) {
  console.error(`only ${pictures} wallpapers (--install brings more): the rest is drawn`);
}
const shared = process.env.TAMIZ_SHARED_DIR;
const samples = ['chair-orig-22-sd-bar.mp4', 'pattern-hd-no-bar.mp4']
  .map((name) => path.join(shared ?? '', 'testdata/vpdq/videos', name)).filter((file) => shared && fs.existsSync(file));
if (samples.length === 0) console.error('TAMIZ_SHARED_DIR has no sample videos: without them');

const work = values.work ?? fs.mkdtempSync(path.join(os.tmpdir(), 'tamiz-recall-'));
const height = Number(values.height);
const options = { seed: Number(values.seed), originals: Number(values.originals), strangers: 4, scenes: Number(values.scenes),
  seconds: Number(values.seconds), samples, longMinutes: Number(values.minutes), frame: { width: (height * 16) / 9, height },
  ...(values.edits && { chosen: values.edits.split(';') }) };
console.error(`making media in ${work}`);
const set = await makeSet(work, options);
const server = await Server.start({ environment: {
  TAMIZ__SERVER__MAX_MESSAGE_BYTES: '67108864', TAMIZ__DECODE__WALL_TIME: '15m', TAMIZ__DECODE__CPU_TIME: '10m', TAMIZ__SCAN__TIME_BUDGET: '15m' } });
const client = new Client(server.address);
try {
  const { rows, details } = await measure(client, set, {
    tell: (line) => console.error(line), policy: values['whole-frames'] ? { find_regions: false, straighten: false } : {} });
  fs.mkdirSync(values.out, { recursive: true });
  fs.writeFileSync(path.join(values.out, 'video-recall.csv'), csv(rows));
  fs.writeFileSync(path.join(values.out, 'video-recall.svg'), svg(rows, Object.keys(plans)));
  fs.writeFileSync(path.join(work, 'details.json'), JSON.stringify(details, null, 1));
  console.log(markdown(rows, Object.keys(plans)));
  for (const sum of sums(rows, Object.keys(plans))) console.log(JSON.stringify(sum));
} finally {
  client.close();
  await server.stop();
}
