// Metrics as Prometheus sees them, and logs that hold nothing of an upload.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, until } from './support/client.js';
import { run } from './support/process.js';
import { Server, media, mediaDir, temporaryDirectory } from './support/server.js';

let server;
let client;

before(async () => {
  server = await Server.start({ environment: { TAMIZ__SOURCE__FILE_ROOTS: JSON.stringify([mediaDir]), TAMIZ__LOG__LEVEL: 'debug' } });
  client = new Client(server.address);
  await client.listOf('known', { 'entry-of-the-list': media('original.jpg') });
  for (const name of ['copy.jpg', 'resized.png', 'clip.mp4', 'unrelated.jpg', 'broken.jpg']) await client.scanBytes(media(name));
  await client.scan({ uri: `file://${mediaDir}/greyscale.jpg` });
  await client.scan({ uri: `file://${mediaDir}/no-such-name.jpg` }).catch(() => {});
});
after(async () => {
  client?.close();
  await server?.stop();
});

test('metrics count what was done', async () => {
  assert.equal(await server.metric('tamiz_scans_total', 'verdict="MATCH"') >= 4, true);
  assert.ok(await server.metric('tamiz_scans_total') >= 6);
  assert.ok(await server.metric('tamiz_incomplete_total') >= 1);
  assert.ok(await server.metric('tamiz_decoder_exits_total') >= 6);
  assert.ok(await server.metric('tamiz_matches_total', 'list="known"') >= 4);
  assert.equal(await server.metric('tamiz_list_entries', 'list="known"'), 1);
  assert.ok(await server.metric('tamiz_selftest_last_success_timestamp_seconds') > 1.7e9);
  assert.ok(await server.metric('tamiz_stage_duration_seconds_count', 'stage="decode"') >= 6);
});

test('promtool finds no fault with the metrics', async () => {
  const text = await server.metrics();
  const { code, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: text });
  assert.equal(code, 0, stdout + stderr);
  assert.equal((stdout + stderr).trim(), '');
});

test('no label value holds anything of an upload', async () => {
  for (const line of (await server.metrics()).split('\n')) {
    for (const [, value] of line.matchAll(/="([^"]*)"/g)) {
      assert.ok(value.length <= 64, line);
      assert.doesNotMatch(value, /[0-9a-f]{32}|\.jpg|\.mp4|entry-of-the-list/i, line);
    }
  }
});

test('healthz answers', async () => {
  const response = await fetch(`http://127.0.0.1:${server.metricsPort}/healthz`);
  assert.equal(response.status, 200);
});

test('a real Prometheus scrapes it', async (t) => {
  const directory = temporaryDirectory(t);
  const port = await new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
  fs.writeFileSync(path.join(directory, 'prometheus.yml'), [
    'global: { scrape_interval: 1s }',
    'scrape_configs:',
    '  - job_name: tamiz',
    `    static_configs: [{ targets: ['127.0.0.1:${server.metricsPort}'] }]`,
  ].join('\n'));
  const prometheus = spawn('prometheus', [`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/data`,
    `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  const ended = new Promise((resolve) => prometheus.once('exit', resolve));
  try {
    const query = async (expression) => {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
        return (await response.json()).data.result;
      } catch {
        return [];
      }
    };
    const scans = await until('Prometheus has tamiz_scans_total', async () => {
      const result = await query('sum(tamiz_scans_total)');
      return result.length > 0 && result;
    }, 60);
    assert.ok(Number(scans[0].value[1]) >= 6);
    const up = await query('up{job="tamiz"}');
    assert.equal(up[0].value[1], '1');
    const quantile = await query('histogram_quantile(0.5, sum by (le) (tamiz_stage_duration_seconds_bucket{stage="total"}))');
    assert.ok(Number(quantile[0].value[1]) > 0);
  } finally {
    prometheus.kill('SIGTERM');
    await ended;
  }
});

test('logs hold no hash, no file name and no media, even at level debug', async () => {
  const { hashes } = await client.call(client.hashes, 'Hash', { content: media('resized.png') });
  await client.call(client.hashes, 'Lookup', { hashes: [{ type: 'HASH_TYPE_PDQ', value: hashes[0].pdq }] });
  const log = server.log.join('\n');
  assert.ok(server.log.length > 3);
  for (const line of server.log) JSON.parse(line);
  const secrets = [];
  for (const name of fs.readdirSync(mediaDir).filter((one) => one !== 'complete')) {
    const bytes = media(name);
    secrets.push(name);
    for (const kind of ['md5', 'sha1', 'sha256']) {
      const digest = crypto.createHash(kind).update(bytes).digest();
      secrets.push(digest.toString('hex'), digest.toString('hex').toUpperCase(), digest.toString('base64'));
    }
  }
  for (const frame of hashes) secrets.push(frame.pdq.toString('hex'), frame.pdq.toString('base64'));
  secrets.push('no-such-name', mediaDir);
  for (const secret of secrets) assert.ok(!log.includes(secret), `the log holds ${secret}`);
});
