// An S3 server (s3rver, which accepts any signature) behind a verifier of signatures that shares no code with the
// signer: requests whose AWS Signature Version 4 is wrong get 403 and do not reach it.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

import { temporaryDirectory } from './server.js';

const require = createRequire(import.meta.url);
const { Sha256 } = require('@aws-crypto/sha256-js');
const { SignatureV4 } = require('@smithy/signature-v4');
const S3rver = require('s3rver');

const error = (response, status, code) => {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
};

async function signatureIsRight(request, { accessKeyId, secretAccessKey, sessionToken, region }) {
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
    .exec(request.headers.authorization ?? '');
  if (!parts || parts[1] !== accessKeyId || parts[3] !== region) return false;
  const names = parts[4].split(';');
  if (!names.includes('host') || !names.includes('x-amz-content-sha256')) return false;
  if (sessionToken && (request.headers['x-amz-security-token'] !== sessionToken || !names.includes('x-amz-security-token'))) return false;
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(request.headers['x-amz-date'] ?? '');
  if (!date) return false;
  const signingDate = new Date(Date.UTC(date[1], date[2] - 1, date[3], date[4], date[5], date[6]));
  if (Math.abs(Date.now() - signingDate) > 15 * 60_000) return false;
  const [path, query = ''] = request.url.split('?');
  const signer = new SignatureV4({ credentials: { accessKeyId, secretAccessKey }, region, service: 's3', sha256: Sha256, uriEscapePath: false, applyChecksum: false });
  const again = await signer.sign({
    method: request.method, protocol: 'http:', hostname: 'unused', path,
    query: Object.fromEntries(query.split('&').filter(Boolean).map((pair) => pair.split('=').map(decodeURIComponent))),
    headers: Object.fromEntries(names.map((name) => [name, request.headers[name]])),
  }, { signingDate, signableHeaders: new Set(names) });
  return again.headers.authorization.endsWith(`Signature=${parts[5]}`);
}

export class S3 {
  static async start(credentials = { accessKeyId: 'TESTKEY', secretAccessKey: 'test/secret+key', region: 'eu-test-1' }) {
    const s3 = new S3();
    s3.credentials = credentials;
    s3.directory = temporaryDirectory();
    s3.requests = [];
    s3.versions = new Map();  // "/bucket/key?versionId" -> bytes: s3rver keeps one version only
    s3.rver = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory: s3.directory, configureBuckets: [{ name: 'uploads' }, { name: 'public' }] });
    s3.backend = await s3.rver.run();
    s3.front = http.createServer((request, response) => { s3.answer(request, response).catch(() => error(response, 500, 'InternalError')); });
    await new Promise((resolve) => s3.front.listen(0, '127.0.0.1', resolve));
    s3.port = s3.front.address().port;
    return s3;
  }

  async answer(request, response) {
    this.requests.push({ method: request.method, url: request.url, host: request.headers.host, authorization: request.headers.authorization });
    if (request.url.startsWith('/moved/')) {
      response.writeHead(307, { location: 'http://127.0.0.1:1/' });
      response.end();
      return;
    }
    // Virtual-host style: the bucket is in the host.
    const virtual = /^([a-z0-9-]+)\.s3\.localhost/.exec(request.headers.host);
    const isPublic = (virtual?.[1] ?? request.url.split('/')[1]) === 'public';
    if (!isPublic && !(await signatureIsRight(request, this.credentials))) return error(response, 403, 'SignatureDoesNotMatch');
    const url = virtual ? `/${virtual[1]}${request.url}` : request.url;
    const [path, query] = url.split('?');
    if (query) {
      const bytes = this.versions.get(`${decodeURIComponent(path)}?${new URLSearchParams(query).get('versionId')}`);
      if (!bytes) return error(response, 404, 'NoSuchVersion');
      response.writeHead(200, { 'content-length': bytes.length });
      response.end(bytes);
      return;
    }
    const forwarded = http.request({ host: '127.0.0.1', port: this.backend.port, method: request.method, path,
      headers: { host: `127.0.0.1:${this.backend.port}` } }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => error(response, 502, 'Unreachable'));
    request.pipe(forwarded);
  }

  // Straight into the server behind.
  put(bucket, key, bytes) {
    const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.backend.port, method: 'PUT', path, headers: { 'content-length': bytes.length } },
        (answer) => { answer.resume(); answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`PUT ${answer.statusCode}`)))); });
      request.on('error', reject);
      request.end(bytes);
    });
  }

  async stop() {
    this.front.close();
    this.front.closeAllConnections();
    await this.rver.close();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}
