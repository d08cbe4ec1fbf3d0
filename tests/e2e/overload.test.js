// Overload is answered at once, with the time to come back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Client, details, status, until } from './support/client.js';
import { tamiz } from './support/process.js';
import { Server, media, mediaDir } from './support/server.js';

let server;
let client;

before(async () => {
  server = await Server.start({ environment: { TAMIZ__ADMISSION__MAX_RUNNING: '1', TAMIZ__ADMISSION__MAX_QUEUED: '2' } });
  client = new Client(server.address);
});
after(async () => {
  client?.close();
  await server?.stop();
});

test('a burst: some are scanned, the others refused at once with RetryInfo', async () => {
  const clip = media('clip.mp4');
  const started = performance.now();
  const outcomes = await Promise.all(Array.from({ length: 30 }, async () => {
    try {
      const result = await client.scanBytes(clip, { sampling: { every_frame: true } });
      return { result };
    } catch (error) {
      return { error, after: performance.now() - started };
    }
  }));
  const refused = outcomes.filter((one) => one.error);
  const answered = outcomes.filter((one) => one.result);
  assert.ok(refused.length >= 10, `${refused.length} refused`);
  assert.ok(answered.length >= 3, `${answered.length} answered`);
  for (const { error } of refused) {
    assert.equal(error.code, status.RESOURCE_EXHAUSTED, error.message);
    const { RetryInfo, ErrorInfo } = details(error);
    assert.ok(RetryInfo, 'RetryInfo is attached');
    const delay = Number(RetryInfo.retry_delay?.seconds ?? 0) +
      (RetryInfo.retry_delay?.nanos ?? 0) / 1e9;
    assert.ok(delay > 0, 'and positive');
    assert.ok(ErrorInfo?.reason, 'and the reason');
  }
  for (const { result } of answered) assert.notEqual(result.verdict, 'VERDICT_UNSPECIFIED');
  const lastRefusal = Math.max(...refused.map((one) => one.after));
  const firstAnswers = performance.now() - started;
  assert.ok(lastRefusal < firstAnswers, 'refusals do not wait for scans');
  assert.ok(await server.metric('tamiz_refusals_total') >= refused.length);
  await until('nothing is left running', async () => (await client.call(client.admin, 'GetStatus')).scans_running === 0);
});

test('the tamiz client comes back when it is told to', async () => {
  const files = Array.from({ length: 12 }, () => `${mediaDir}/resized.png`);
  const { code, stdout, stderr } = await tamiz(server, ['scan', '--json', '-j', '12', '--retries', '20', ...files]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim().split('\n').length, 12);
});

test('SIGTERM lets running scans finish', async () => {
  const running = client.scanBytes(media('clip.mp4'), { sampling: { every_frame: true } });
  await until('it runs', async () => (await client.call(client.admin, 'GetStatus')).scans_running > 0);
  const ended = server.stop();
  const result = await running;
  assert.ok(['VERDICT_NO_KNOWN_MATCH', 'VERDICT_MATCH'].includes(result.verdict), result.verdict);
  assert.deepEqual(await ended, { code: 0, signal: null });
});
