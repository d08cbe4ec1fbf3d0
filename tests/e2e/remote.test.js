// Uploads by https, http and from S3, from real servers, honest and not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, details, failure, status, until } from './support/client.js';
import { Nginx, certificate, freePort } from './support/nginx.js';
import { S3 } from './support/s3.js';
import { Server, media, slowdown, sourceDir, temporaryDirectory } from './support/server.js';

let directory;
let nginx;
let s3;
let server;
let client;

const toml = (value) => JSON.stringify(value);
const picture = () => media('original.jpg');
const reason = (error) => details(error).ErrorInfo?.reason;

before(async () => {
  directory = temporaryDirectory();
  await certificate(directory, 'media', ['media.localhost', 'slow.localhost', 'other.localhost', 'auth.localhost']);
  const deadPort = await freePort();
  nginx = await Nginx.start({
    directory: fs.mkdtempSync(path.join(directory, 'nginx-')),
    servers: ({ https, http, root }) => `
server {
  listen 127.0.0.1:${https} ssl; server_name media.localhost; root ${root};
  ssl_certificate ${directory}/media.pem; ssl_certificate_key ${directory}/media.key;
  location /moved { return 302 /original.jpg; }
  location /far { return 302 https://other.localhost:${https}/original.jpg; }
  location /loop { return 302 /loop; }
  location /to-file { return 302 file:///etc/passwd; }
  location /to-metadata { return 302 https://169.254.169.254/latest/meta-data/; }
  location /to-private { return 302 https://public.localhost:${https}/original.jpg; }
  location /to-clear { return 302 http://media.localhost:${http}/original.jpg; }
  location /to-user { return 302 https://a:b@media.localhost:${https}/original.jpg; }
  location /busy { add_header Retry-After 7 always; return 503; }
  location /closed { return 444; }
  location /forbidden { return 403; }
  location /dead { proxy_pass http://127.0.0.1:${deadPort}; }
}
server {
  listen 127.0.0.1:${https} ssl; server_name slow.localhost; root ${root}; limit_rate 100;
  ssl_certificate ${directory}/media.pem; ssl_certificate_key ${directory}/media.key;
}
server {
  listen 127.0.0.1:${https} ssl; server_name other.localhost; root ${root};
  ssl_certificate ${directory}/media.pem; ssl_certificate_key ${directory}/media.key;
}
server {
  listen 127.0.0.1:${https} ssl; server_name auth.localhost; root ${root};
  ssl_certificate ${directory}/media.pem; ssl_certificate_key ${directory}/media.key;
  location / { if ($http_authorization != "Bearer the-secret") { return 401; } }
  location /away { if ($http_authorization != "Bearer the-secret") { return 401; } return 302 https://other.localhost:${https}/seen?auth=1; }
}
server { listen 127.0.0.1:${http}; server_name media.localhost; root ${root}; }`,
  });
  fs.writeFileSync(path.join(nginx.root, 'original.jpg'), picture());
  fs.writeFileSync(path.join(nginx.root, 'with space+é.jpg'), picture());
  fs.writeFileSync(path.join(nginx.root, 'empty'), '');
  fs.writeFileSync(path.join(nginx.root, 'large'), Buffer.alloc(3 << 20));
  fs.writeFileSync(path.join(nginx.root, 'broken.jpg'), picture().subarray(0, 5000));
  s3 = await S3.start();
  await s3.put('uploads', 'plain.jpg', picture());
  await s3.put('uploads', 'with space.jpg', picture());
  await s3.put('uploads', 'with+plus.jpg', picture());
  await s3.put('uploads', 'folder/é 中.jpg', picture());
  await s3.put('public', 'plain.jpg', picture());
  s3.versions.set('/uploads/plain.jpg?v/1+', media('unrelated.jpg'));

  const file = (name, text) => { fs.writeFileSync(path.join(directory, name), text); return path.join(directory, name); };
  const ca = toml(path.join(directory, 'ca.pem'));
  const keys = `access_key_id_file = ${toml(file('id', 'TESTKEY\n'))}`;
  const good = `${keys}\nsecret_access_key_file = ${toml(file('secret', 'test/secret+key\n'))}\nregion = "eu-test-1"`;
  const endpoint = `endpoint = "http://127.0.0.1:${s3.port}"\npath_style = true\nallow_private = true`;
  const configFile = file('tamiz.toml', `
[source]
max_bytes = "2MiB"
fetch_time = "20s"
slow_bytes = "1KiB"
slow_time = "3s"
max_attempts = 2
max_redirects = 3
[[source.http]]
name = "cdn"
hosts = ["media.localhost", "slow.localhost", "other.localhost"]
schemes = ["https", "http"]
ports = ["${nginx.https}", "${nginx.http}"]
allow_private = true
ca_file = ${ca}
[[source.http]]
name = "auth"
hosts = ["auth.localhost"]
ports = ["${nginx.https}"]
allow_private = true
ca_file = ${ca}
authorization_file = ${toml(file('token', 'Bearer the-secret\n'))}
[[source.http]]
name = "public"
hosts = ["public.localhost", "169.254.169.254", "127.0.0.1", "[::ffff:127.0.0.1]", "localhost"]
ports = ["${nginx.https}", "443"]
ca_file = ${ca}
[[source.http]]
name = "other-authority"
hosts = ["wrong-name.localhost"]
ports = ["${nginx.https}"]
allow_private = true
ca_file = ${ca}
[[source.s3]]
name = "own"
buckets = ["uploads", "moved"]
${endpoint}
${good}
[[source.s3]]
name = "wrong-secret"
buckets = ["stolen"]
${endpoint}
${keys}
secret_access_key_file = ${toml(file('wrong', 'not the secret\n'))}
region = "eu-test-1"
[[source.s3]]
name = "anonymous"
buckets = ["public"]
${endpoint}
[[source.s3]]
name = "by-host"
buckets = ["virtual"]
endpoint = "http://s3.localhost:${s3.port}"
allow_private = true
${good}
[[source.s3]]
name = "outside"
buckets = ["outside"]
endpoint = "http://127.0.0.1:${s3.port}"
path_style = true
${good}
`);
  server = await Server.start({ configFile });
  client = new Client(server.address);
  await client.listOf('known', { picture: picture() });
});
after(async () => {
  client?.close();
  await server?.stop();
  await nginx?.stop();
  await s3?.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

const https = (rest, host = 'media.localhost') => `https://${host}:${nginx.https}${rest}`;
const scan = (uri) => client.scan({ uri, lists: ['known'] });

async function refused(uri, code, wanted) {
  const error = await failure(scan(uri), code);
  assert.equal(reason(error), wanted, `${uri}: ${error.message}`);
  return error;
}

test('https and http, names with spaces, redirects', async () => {
  for (const uri of [https('/original.jpg'), https('/with%20space+%C3%A9.jpg'), https('/moved'), https('/far'),
    `http://media.localhost:${nginx.http}/original.jpg`]) {
    const result = await scan(uri);
    assert.equal(result.verdict, 'VERDICT_MATCH', uri);
    assert.equal(Number(result.media.size_bytes), picture().length);
    assert.deepEqual(result.digests.sha256, (await client.scanBytes(picture())).digests.sha256);
  }
});

test('what is not there, not allowed, too large, empty or cut', async () => {
  await refused(https('/nothing'), status.NOT_FOUND, 'SOURCE_STATUS');
  await refused(https('/forbidden'), status.PERMISSION_DENIED, 'SOURCE_STATUS');
  const large = await scan(https('/large'));
  assert.equal(large.verdict, 'VERDICT_INCOMPLETE');
  assert.deepEqual(large.incomplete_reasons.map((one) => one.code), ['INCOMPLETE_CODE_BYTE_LIMIT']);
  assert.equal((await scan(https('/empty'))).verdict, 'VERDICT_INCOMPLETE');
  assert.equal((await scan(https('/broken.jpg'))).incomplete_reasons.length > 0, true);
});

test('sources that fail are unavailable, and say when to come back', async () => {
  const busy = await refused(https('/busy'), status.UNAVAILABLE, 'SOURCE_STATUS');
  assert.ok(Number(details(busy).RetryInfo.retry_delay.seconds) === 7, JSON.stringify(details(busy)));
  await refused(https('/closed'), status.UNAVAILABLE, 'SOURCE_BROKEN');
  await refused(https('/dead'), status.UNAVAILABLE, 'SOURCE_STATUS');
  const started = Date.now();
  await refused(https('/original.jpg', 'slow.localhost'), status.UNAVAILABLE, 'SOURCE_TOO_SLOW');
  assert.ok(Date.now() - started < 8000 * slowdown, 'given up before it was all there');
});

test('a client that leaves stops the fetch', async () => {
  const started = Date.now();
  await failure(client.scan({ uri: https('/original.jpg', 'slow.localhost') }, { seconds: 0.3 }), status.DEADLINE_EXCEEDED);
  assert.ok(Date.now() - started < 3000 * slowdown);
});

test('redirects lead nowhere else', async () => {
  await refused(https('/loop'), status.FAILED_PRECONDITION, 'REDIRECT_LIMIT');
  await refused(https('/to-file'), status.INVALID_ARGUMENT, 'URI_SCHEME');
  await refused(https('/to-metadata'), status.PERMISSION_DENIED, 'ADDRESS_REFUSED');
  await refused(https('/to-private'), status.PERMISSION_DENIED, 'ADDRESS_REFUSED');
  await refused(https('/to-clear'), status.PERMISSION_DENIED, 'REDIRECT_DOWNGRADE');
  await refused(https('/to-user'), status.INVALID_ARGUMENT, 'URI_USER_INFO');
});

test('addresses inside are refused although their names are allowed', async () => {
  for (const host of ['public.localhost', '127.0.0.1', '[::ffff:127.0.0.1]', 'localhost']) {
    await refused(https('/original.jpg', host), status.PERMISSION_DENIED, 'ADDRESS_REFUSED');
  }
  await refused('https://169.254.169.254/latest/meta-data/', status.PERMISSION_DENIED, 'ADDRESS_REFUSED');
});

test('hosts, schemes and ports that nobody configured', async () => {
  await refused('https://example.com/a', status.PERMISSION_DENIED, 'HOST_NOT_ALLOWED');
  await refused(`http://auth.localhost:${nginx.https}/a`, status.PERMISSION_DENIED, 'SCHEME_NOT_ALLOWED');
  await refused('https://media.localhost:1/a', status.PERMISSION_DENIED, 'PORT_NOT_ALLOWED');
  await refused('s3://nobody/a', status.PERMISSION_DENIED, 'BUCKET_NOT_ALLOWED');
});

test('certificates are checked', async () => {
  await refused(https('/original.jpg', 'wrong-name.localhost'), status.UNAVAILABLE, 'SOURCE_TLS');
  const strict = await Server.start({ configFile: (() => {
    const name = path.join(directory, 'strict.toml');
    fs.writeFileSync(name, `[[source.http]]\nname = "cdn"\nhosts = ["media.localhost"]\nports = ["${nginx.https}"]\nallow_private = true\n`);
    return name;
  })() });
  const other = new Client(strict.address);
  try {
    assert.equal(reason(await failure(other.scan({ uri: https('/original.jpg') }), status.UNAVAILABLE)), 'SOURCE_TLS',
      'the system does not know the authority');
  } finally {
    other.close();
    await strict.stop();
  }
});

test('an authorization goes to its host only, and into no log', async () => {
  assert.equal((await scan(https('/original.jpg', 'auth.localhost'))).verdict, 'VERDICT_MATCH');
  await refused(https('/away', 'auth.localhost'), status.NOT_FOUND, 'SOURCE_STATUS');
  await until('nginx has written its log', async () => /GET \/seen\?auth=1/.test(nginx.log()) || undefined);
  for (const secret of ['the-secret', 'test/secret+key']) {
    assert.equal(server.log.some((line) => line.includes(secret)), false);
  }
  // A new secret is taken without a restart.
  fs.writeFileSync(path.join(directory, 'token'), 'Bearer another\n');
  await refused(https('/original.jpg', 'auth.localhost'), status.PERMISSION_DENIED, 'SOURCE_STATUS');
  fs.writeFileSync(path.join(directory, 'token'), 'Bearer the-secret\n');
  assert.equal((await scan(https('/original.jpg', 'auth.localhost'))).verdict, 'VERDICT_MATCH');
});

test('every hostile URI of the list is refused for its reason', async () => {
  const rows = fs.readFileSync(path.join(sourceDir, 'tests/unit/net/hostile.tsv'), 'utf8').split('\n')
    .filter((line) => line && !line.startsWith('#')).map((line) => line.split('\t'));
  let seen = 0;
  for (const [wanted, text] of rows) {
    const uri = text.replace(/\\\\|\\x([0-9a-f]{2})/g, (all, hex) => (hex ? String.fromCharCode(parseInt(hex, 16)) : '\\'));
    // file:// readers and the field's own checks answer for the rest; bytes that are not UTF-8 do not fit a string.
    if (wanted === 'OK' || wanted === 'URI_SCHEME' || /[\x80-\xff]/.test(uri)) continue;
    const error = await failure(scan(uri), status.INVALID_ARGUMENT);
    if (/^(https?|s3):/i.test(uri)) assert.equal(reason(error), wanted, uri);
    assert.ok(!error.message.includes('secret'));
    seen += 1;
  }
  assert.ok(seen > 90, `${seen} were tried`);
});

test('objects from S3, signed, by every kind of key', async () => {
  for (const uri of ['s3://uploads/plain.jpg', 's3://uploads/with%20space.jpg', 's3://uploads/with%2Bplus.jpg', 's3://uploads/with+plus.jpg',
    's3://uploads/folder/%C3%A9%20%E4%B8%AD.jpg', 's3://uploads/folder/é%20中.jpg', 's3://public/plain.jpg']) {
    assert.equal((await scan(uri)).verdict, 'VERDICT_MATCH', uri);
  }
  assert.equal(s3.requests.some((one) => one.url.startsWith('/public/') && one.authorization), false, 'unsigned where no keys are');
  assert.equal((await scan('s3://uploads/plain.jpg?versionId=v%2F1%2B')).verdict, 'VERDICT_NO_KNOWN_MATCH', 'the version asked for');
  const gone = await refused('s3://uploads/plain.jpg?versionId=v2', status.NOT_FOUND, 'SOURCE_STATUS');
  assert.match(gone.message, /NoSuchVersion/);
});

test('S3 says no', async () => {
  const wrong = await refused('s3://stolen/plain.jpg', status.PERMISSION_DENIED, 'SOURCE_STATUS');
  assert.match(wrong.message, /SignatureDoesNotMatch/);
  assert.match((await refused('s3://uploads/nothing.jpg', status.NOT_FOUND, 'SOURCE_STATUS')).message, /NoSuchKey/);
  assert.match((await refused('s3://moved/a', status.FAILED_PRECONDITION, 'SOURCE_STATUS')).message, /endpoint or region/);
  await refused('s3://outside/plain.jpg', status.PERMISSION_DENIED, 'ADDRESS_REFUSED');
  // Signed for another region, and with another key.
  const before = s3.credentials;
  try {
    s3.credentials = { ...before, region: 'us-east-1' };
    await refused('s3://uploads/plain.jpg', status.PERMISSION_DENIED, 'SOURCE_STATUS');
  } finally {
    s3.credentials = before;
  }
});

test('buckets as host names', async () => {
  s3.versions.set('/virtual/a b.jpg?1', picture());
  assert.equal((await scan('s3://virtual/a%20b.jpg?versionId=1')).verdict, 'VERDICT_MATCH');
  assert.match(s3.requests.at(-1).host, /^virtual\.s3\.localhost:\d+$/);
});

test('fetches are counted', async () => {
  assert.ok(await server.metric('tamiz_fetches_total', 'outcome="ok",scheme="https"') >= 4);
  assert.ok(await server.metric('tamiz_fetches_total', 'outcome="ok",scheme="s3"') >= 7);
  assert.ok(await server.metric('tamiz_fetches_total', 'outcome="refused",scheme="https"') >= 8);
  assert.ok(await server.metric('tamiz_fetches_total', 'outcome="too_large",scheme="https"') >= 1);
  assert.ok(await server.metric('tamiz_fetches_total', 'outcome="unavailable"') >= 4);
});
