// PostgreSQL over TLS: who the database is, is checked; a password and a certificate are shown to it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';

import { Certificates } from './support/certificates.js';
import { Client, until } from './support/client.js';
import { Postgres } from './support/postgres.js';
import { Server, media, temporaryDirectory } from './support/server.js';

const kPassword = 'correct horse';
let directory;
let certificates;
let postgres;

before(async () => {
  directory = temporaryDirectory();
  certificates = new Certificates(directory);
  await certificates.authority('ca');
  await certificates.authority('other');
  await certificates.certificate('database', { names: 'IP:127.0.0.1' });
  await certificates.certificate('tamizd');
  await certificates.certificate('stranger', { ca: 'other' });
  fs.writeFileSync(certificates.at('password'), `${kPassword}\n`);
  fs.writeFileSync(certificates.at('wrong'), 'wrong\n');
  postgres = await Postgres.start({
    tls: { certificate: certificates.at('database.pem'), key: certificates.at('database.key'), ca: certificates.at('ca.pem') },
    password: kPassword });
});
after(async () => {
  await postgres?.remove();
  if (directory) fs.rmSync(directory, { recursive: true, force: true });
});

const start = (settings = {}) => {
  const { host, ...rest } = { host: '127.0.0.1', tls: 'verify-full', tls_ca_file: 'ca.pem', tls_certificate_file: 'tamizd.pem', tls_key_file: 'tamizd.key', password_file: 'password', ...settings };
  const environment = { TAMIZ__STORE__ENGINE: 'postgresql', TAMIZ__STORE__URL: `postgresql://tamiz@${host}:${postgres.port}/postgres`, TAMIZ__STORE__START_TIMEOUT: '500ms' };
  for (const [key, value] of Object.entries(rest)) {
    environment[`TAMIZ__STORE__${key.toUpperCase()}`] = key.endsWith('_file') && value ? certificates.at(value) : value;
  }
  return Server.start({ environment });
};
// Why it did not start; ends it if it did.
const refusal = async (settings) => {
  try {
    await (await start(settings)).stop();
  } catch (error) {
    assert.ok(!error.message.includes(kPassword), 'no password in the log');
    return error.message;
  }
  assert.fail(`it started with ${JSON.stringify(settings)}`);
};

test('verify-full: lists are kept, and every connection is encrypted', { timeout: 60_000 }, async () => {
  const server = await start();
  const client = new Client(server.address);
  try {
    await client.listOf('known', { picture: media('original.jpg') });
    assert.equal((await client.scanBytes(media('resized.png'), { lists: ['known'] })).verdict, 'VERDICT_MATCH');
    const connections = () => postgres.query(
      'SELECT count(*) FILTER (WHERE s.ssl), count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.application_name = \'tamizd\'').split('|').map(Number);
    // Of the pool, and the one that follows changes.
    const [encrypted, all] = await until('two connections', () => { const found = connections(); return found[1] >= 2 ? found : undefined; });
    assert.equal(encrypted, all);
    assert.ok(!server.log.join('\n').includes(kPassword));
  } finally {
    client.close();
    await server.stop();
  }
});

test('a database of another authority, of another name or without TLS is refused', { timeout: 120_000 }, async () => {
  assert.match(await refusal({ tls_ca_file: 'other.pem' }), /cannot connect to PostgreSQL at 127\.0\.0\.1.*certificate verify failed/);
  assert.match(await refusal({ host: 'localhost' }), /server certificate for .*127\.0\.0\.1.* does not match host name .*localhost/);
  await (await start({ host: 'localhost', tls: 'verify-ca' })).stop();
  // On this machine TLS is used and not insisted on; this database insists.
  await (await start({ tls: 'auto' })).stop();
  assert.match(await refusal({ tls: 'disable' }), /no encryption/);
});

test('whoever lacks the password or a certificate is refused by the database', { timeout: 120_000 }, async () => {
  assert.match(await refusal({ password_file: 'wrong' }), /password authentication failed/);
  assert.match(await refusal({ password_file: '' }), /no password supplied/);
  assert.match(await refusal({ tls_certificate_file: '', tls_key_file: '' }), /requires a valid client certificate/);
  assert.match(await refusal({ tls_certificate_file: 'stranger.pem', tls_key_file: 'stranger.key' }), /unknown ca|certificate verify failed|tlsv1 alert/i);
});
