// Builds a list of the originals and scans edits and strangers through the real API.
import fs from 'node:fs';
import path from 'node:path';

import { compilation, editsOf, hideInLong, inParallel, makeVideos, secondsOf, smallFrame, wallpapers } from './media.mjs';

// What every plan asks for. Entries added from media are always hashed with the exact one.
export const plans = {
  exact: { preset: 'SAMPLING_PRESET_EXACT' },
  default: {},
  fast: { preset: 'SAMPLING_PRESET_FAST' },
};

// Makes (or finds, in `folder`) everything that is scanned: { list: { id: file }, cases: [{ edit, file, known }] }.
export async function makeSet(folder, { seed, originals, strangers, scenes, seconds, chosen, samples = [], longMinutes = 0,
  frame = smallFrame }) {
  const edits = editsOf(frame);
  chosen ??= Object.keys(edits);
  fs.mkdirSync(folder, { recursive: true });
  const pictures = wallpapers();
  const list = await makeVideos(folder, 'original', { count: originals, scenes, seconds, seed, pictures, frame });
  const others = await makeVideos(folder, 'stranger', { count: strangers, scenes, seconds, seed: seed + 1, pictures, distinct: true, frame });
  for (const file of samples) list[path.basename(file, '.mp4')] = file;
  const otherFiles = Object.values(others);
  const cases = [];
  const jobs = [];
  let turn = 0;
  for (const [id, from] of Object.entries(list)) {
    const length = await secondsOf(from);
    for (const edit of chosen) {
      const out = path.join(folder, `${id}--${edit.replaceAll(/[^a-z0-9]+/gi, '-')}.mp4`);
      const other = otherFiles[turn++ % otherFiles.length];
      if (!fs.existsSync(out)) jobs.push(() => edits[edit]({ from, other, out, length }));
      cases.push({ edit, file: out, known: [id] });
    }
  }
  await inParallel(jobs);
  const ids = Object.keys(list);
  for (let i = 0; i + 3 <= ids.length && chosen.length > 4; i += 3) {
    const known = ids.slice(i, i + 3);
    const out = path.join(folder, `compilation-${i}.mp4`);
    if (!fs.existsSync(out)) await compilation(known.map((id) => list[id]), otherFiles[i % otherFiles.length], out, frame);
    cases.push({ edit: 'compilation of three (8 s of each)', file: out, known });
  }
  if (longMinutes > 0) {
    // The picture with most in it: many wallpapers are too flat to be hashed.
    const richest = pictures.sort((a, b) => fs.statSync(b).size - fs.statSync(a).size).slice(0, 1);
    const [clip] = Object.values(await makeVideos(folder, 'clip', { count: 1, scenes: 1, seconds: 5, seed: seed + 2, pictures: richest, frame }));
    list['clip-0'] = clip;
    const out = path.join(folder, 'long.mp4');
    if (!fs.existsSync(out)) await hideInLong(clip, otherFiles, longMinutes, 0.6, out, frame);
    cases.push({ edit: `five seconds in ${longMinutes} minutes`, file: out, known: ['clip-0'] });
  }
  for (const [id, file] of Object.entries(others)) cases.push({ edit: 'unrelated', file, known: [], id });
  return { list, cases };
}

// Scans all cases with all plans; `client` speaks to a server without other lists of video. Rows as in report.mjs.
export async function measure(client, { list, cases }, { tell = () => {}, policy = {} } = {}) {
  await client.call(client.lists, 'CreateList', { name: 'originals', policy });
  for (const [id, file] of Object.entries(list)) {
    await client.call(client.lists, 'AddEntries',
      { list: 'originals', media: [{ entry: { entry_id: id }, content: fs.readFileSync(file) }] });
  }
  const rows = Object.keys(plans).flatMap((plan) => [...new Set(cases.map((one) => one.edit))].map(
    (edit) => ({ edit, plan, cases: 0, match: 0, review: 0, false_matches: 0 })));
  const details = [];
  for (const [plan, sampling] of Object.entries(plans)) {
    await inParallel(cases.map((one) => async () => {
      const result = await client.upload(fs.readFileSync(one.file), { sampling, lists: ['originals'] }, [1 << 20], { seconds: 900 });
      const row = rows.find((r) => r.edit === one.edit && r.plan === plan);
      for (const id of one.known) {
        const match = result.matches.find((m) => m.entry_id === id);
        row.cases += 1;
        row.match += match && !match.review ? 1 : 0;
        row.review += match && match.review ? 1 : 0;
        details.push({ plan, edit: one.edit, id, coverage: match?.reference_coverage ?? 0, distance: match?.distance,
          speed: match?.playback_speed, reversed: match?.reversed, segments: match?.segments?.length ?? 0, frames: match?.segments?.[0]?.frames, ranges: match?.query_ranges });
      }
      row.false_matches += result.matches.filter((m) => !one.known.includes(m.entry_id)).length;
      if (result.incomplete_reasons.length > 0) tell(`${one.edit} (${plan}): ${result.incomplete_reasons.map((r) => r.code)}`);
    }), 4);
    tell(`plan ${plan} done`);
  }
  return { rows, details };
}
