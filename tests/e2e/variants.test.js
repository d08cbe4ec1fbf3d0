// What people put around a picture or do to it: screenshots, collages, borders, turns, crops.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';

import { Client } from './support/client.js';
import { Server } from './support/server.js';

let server;
let client;
before(async () => {
  server = await Server.start();
  client = new Client(server.address);
});
after(async () => {
  client?.close();
  await server?.stop();
});

// A grey picture: rows of bytes.
const ground = (width, height, level) => ({ width, height, pixels: new Uint8Array(width * height).fill(level) });

// Blobs of all sizes, from a seed: a full spectrum, as photographs have.
function photograph(width, height, seed) {
  const picture = ground(width, height, 0);
  let state = seed * 2654435761;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const blobs = Array.from({ length: 90 }, () => {
    const size = 0.03 + 0.22 * random() ** 2;
    return { x: random(), y: random(), size, level: (random() - 0.5) * 220 };
  });
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let value = 120;
      for (const blob of blobs) {
        const d = ((x / width - blob.x) ** 2 + (y / height - blob.y) ** 2) / blob.size ** 2;
        if (d < 1) value += blob.level * (1 - d) ** 2;
      }
      picture.pixels[y * width + x] = Math.max(0, Math.min(255, Math.round(value)));
    }
  }
  return picture;
}

function paste(picture, left, top, onto) {
  for (let y = 0; y < picture.height; y += 1) {
    onto.pixels.set(picture.pixels.subarray(y * picture.width, (y + 1) * picture.width), (top + y) * onto.width + left);
  }
}

function crop(picture, left, top, width, height) {
  const part = ground(width, height, 0);
  for (let y = 0; y < height; y += 1) {
    part.pixels.set(picture.pixels.subarray((top + y) * picture.width + left, (top + y) * picture.width + left + width), y * width);
  }
  return part;
}

// Bars of ink, as words look from afar.
function write(onto, left, top, width) {
  for (let x = left; x < left + width; x += 15) {
    for (let y = top; y < top + 16; y += 1) onto.pixels.fill(30, y * onto.width + x, y * onto.width + x + 5 + ((x + y) % 5));
  }
}

// Clockwise, about the middle of a frame.
function turned(picture, degrees, width, height, level) {
  const frame = ground(width, height, level);
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [u, v] = [x - width / 2, y - height / 2];
      const px = Math.floor(c * u + s * v + picture.width / 2);
      const py = Math.floor(-s * u + c * v + picture.height / 2);
      if (px >= 0 && py >= 0 && px < picture.width && py < picture.height) {
        frame.pixels[y * width + x] = picture.pixels[py * picture.width + px];
      }
    }
  }
  return frame;
}

function png({ width, height, pixels }) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', header), chunk('IDAT', zlib.deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0))]);
}
const table = Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});
const crc = (bytes) => {
  let value = 0xffffffff;
  for (const byte of bytes) value = table[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
};

const update = (name, policy) => client.call(client.lists, 'UpdateList', {
  list: name, update: { policy }, update_mask: { paths: Object.keys(policy).map((field) => `policy.${field}`) },
});
const scan = (picture, name) => client.scanBytes(png(picture), { lists: [name] });

// The entry is found in `scene`; not with `field` switched off.
async function foundUnless(field, scene, name, check, otherwise = 'VERDICT_NO_KNOWN_MATCH') {
  const found = await scan(scene, name);
  assert.equal(found.verdict, 'VERDICT_MATCH');
  assert.equal(found.matches[0].entry_id, 'known');
  assert.ok(found.matches[0].distance <= 31);
  check(found.matches[0]);
  await update(name, { [field]: false });
  assert.equal((await scan(scene, name)).verdict, otherwise);
  await update(name, { [field]: true });
}

const near = (region, { x, y, width, height }) => {
  for (const [side, value] of Object.entries({ x, y, width, height })) {
    assert.ok(Math.abs(region[side] - value) < 0.02, `${side} is ${region[side]}, not about ${value}`);
  }
};

describe('variants', () => {
  const picture = photograph(480, 360, 3);
  before(() => client.listOf('variants', { known: png(picture) }));

  test('a picture in a screenshot', async () => {
    const screen = ground(540, 1000, 245);
    write(screen, 20, 24, 200);
    write(screen, 60, 80, 300);
    paste(picture, 30, 150, screen);
    for (let y = 560; y < 940; y += 40) write(screen, 20, y, 420);
    await foundUnless('find_regions', screen, 'variants', (match) =>
      near(match.region, { x: 30 / 540, y: 0.15, width: 480 / 540, height: 0.36 }));
  });

  test('a picture in a collage of four without gaps', async () => {
    const collage = ground(960, 720, 0);
    [5, 6, 7].forEach((seed, i) => paste(photograph(480, 360, seed), ((i + 1) % 2) * 480, Math.floor((i + 1) / 2) * 360, collage));
    paste(picture, 0, 0, collage);
    await foundUnless('find_regions', collage, 'variants', (match) => near(match.region, { x: 0, y: 0, width: 0.5, height: 0.5 }));
  });

  test('a picture with a border', async () => {
    const framed = ground(480 + 192, 360 + 192, 200);
    paste(picture, 96, 96, framed);
    await update('variants', { find_regions: false });
    await foundUnless('border_removal', framed, 'variants', (match) => {
      assert.equal(match.border_removed, true);
      assert.equal(match.region, null);
    });
    await update('variants', { find_regions: true });
  });

  test('a picture turned by some degrees', async () => {
    const scene = turned(picture, 5, 640, 560, 0);
    await update('variants', { find_regions: false });
    await foundUnless('straighten', scene, 'variants', (match) =>
      assert.ok(Math.abs(match.straightened_degrees - 5) < 0.5, `turned by ${match.straightened_degrees}`));
    await update('variants', { find_regions: true });
  });

  test('a dim picture', async () => {
    const dim = { ...picture, pixels: picture.pixels.map((level) => 70 + 0.25 * level) };
    await foundUnless('restore_contrast', dim, 'variants', (match) => {
      assert.equal(match.contrast_restored, true);
      assert.ok(match.quality_query < 50, `quality ${match.quality_query}`);
    }, 'VERDICT_INCOMPLETE');
  });

  test('what is as it was has no region', async () => {
    const found = await scan(picture, 'variants');
    assert.equal(found.matches[0].region, null);
    assert.equal(found.matches[0].straightened_degrees, 0);
    assert.equal(found.matches[0].contrast_restored, false);
  });
});

describe('stored crops', () => {
  const picture = photograph(600, 400, 11);
  const cropped = crop(picture, 28, 2, 570, 380);
  const other = crop(picture, 100, 60, 330, 220);

  test('an upload that shows a part matches where crops are stored', async () => {
    await client.listOf('plain', { known: png(picture) });
    assert.equal((await scan(cropped, 'plain')).verdict, 'VERDICT_NO_KNOWN_MATCH');
    await client.call(client.lists, 'CreateList', { name: 'crops' });
    const added = await client.call(client.lists, 'AddEntries', {
      list: 'crops', store_crops: true, media: [{ entry: { entry_id: 'known', labels: ['test'] }, content: png(picture) }],
    });
    assert.equal(added.entries_added, 17);
    const { verdict, matches } = await scan(cropped, 'crops');
    assert.equal(verdict, 'VERDICT_MATCH');
    assert.equal(matches.length, 1);
    assert.equal(matches[0].entry_id, 'known');
    near(matches[0].reference_region, { x: 0.05, y: 0, width: 0.95, height: 0.95 });
    assert.equal((await scan(other, 'crops')).verdict, 'VERDICT_NO_KNOWN_MATCH');
    // The picture itself is told of once, as itself.
    const whole = await scan(picture, 'crops');
    assert.equal(whole.matches.length, 1);
    assert.equal(whole.matches[0].reference_region, null);
  });

  test('crops go with their entry', async () => {
    await client.call(client.lists, 'DisableEntry', { list: 'crops', entry_id: 'known', reason: 'test' });
    assert.equal((await scan(cropped, 'crops')).verdict, 'VERDICT_NO_KNOWN_MATCH');
    await client.call(client.lists, 'DisableEntry', { list: 'crops', entry_id: 'known', enable: true, reason: 'test' });
    assert.equal((await scan(cropped, 'crops')).verdict, 'VERDICT_MATCH');
    const removed = await client.call(client.lists, 'RemoveEntries', { list: 'crops', entry_ids: ['known'] });
    assert.equal(removed.entries_removed, 17);
    assert.equal((await scan(cropped, 'crops')).verdict, 'VERDICT_NO_KNOWN_MATCH');
  });
});
