// Clients that open connections and do nothing with them, or vanish.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { Client, until } from './support/client.js';
import { Server, media } from './support/server.js';

let server;
let client;
before(async () => {
  server = await Server.start({ environment: {
    TAMIZ__SERVER__HANDSHAKE_TIME: '2s',
    TAMIZ__SERVER__KEEPALIVE_TIME: '1s',
    TAMIZ__SERVER__KEEPALIVE_TIMEOUT: '1s',
    TAMIZ__SERVER__MAX_CONNECTION_IDLE: '3s',
  } });
  client = new Client(server.address);
});
after(async () => {
  client?.close();
  await server?.stop();
});

const openFiles = () => fs.readdirSync(`/proc/${server.pid}/fd`).length;
const residentMiB = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);

function connect(greet) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => {
      if (greet) socket.write(preface);
      resolve(socket);
    });
    socket.on('error', (error) => (socket.connecting ? reject(error) : undefined));
  });
}

test('10 000 connections opened and dropped leave nothing behind', async () => {
  await client.scanBytes(media('original.jpg'));
  // One wave first: allocators keep what they once needed.
  const wave = async (size, turn) => {
    const sockets = await Promise.all(Array.from({ length: size }, (_, i) => connect((i + turn) % 2 === 0)));
    for (const [i, socket] of sockets.entries()) {
      if (i % 3 === 0) socket.resetAndDestroy(); else socket.destroy();
    }
    // So that the most at one time, which memory follows, is the same in each wave.
    await until('the wave is gone', () => openFiles() < 100, 60);
  };
  await wave(500, 0);
  const files = openFiles();
  const memory = residentMiB();
  for (let turn = 0; turn < 20; turn += 1) await wave(500, turn);
  // The last ones are closed when the server comes to it.
  await until(`no more than ${files + 5} files are open`, () => openFiles() <= files + 5, 60);
  assert.ok(residentMiB() < memory + 40, `${memory} MiB before, ${residentMiB()} MiB after`);
  assert.ok(await client.scanBytes(media('original.jpg')));
});

test('silent connections are closed: those that never greet and those that never call', async () => {
  const files = openFiles();
  const sockets = [...await Promise.all(Array.from({ length: 50 }, () => connect(false))),
    ...await Promise.all(Array.from({ length: 50 }, () => connect(true)))];
  for (const socket of sockets) socket.resume();
  await until('the server has taken them', () => openFiles() >= files + 90);
  await until('the server closed them', () => sockets.every((socket) => socket.destroyed || socket.readableEnded), 30);
  await until('its descriptors are free', () => openFiles() <= files + 5);
  assert.ok(await client.scanBytes(media('original.jpg')), 'a client that calls again gets a new connection');
});
