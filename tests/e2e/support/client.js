// A client that shares nothing with Tamiz but the proto files.
import path from 'node:path';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { service as healthService } from 'grpc-health-check';
import protobuf from 'protobufjs';

import { slowdown, sourceDir } from './server.js';

const protoDir = path.join(sourceDir, 'proto');
const definition = protoLoader.loadSync(
  ['tamiz/v1/scan_service.proto', 'tamiz/v1/hash_service.proto', 'tamiz/v1/list_service.proto', 'tamiz/v1/admin_service.proto', 'tamiz/v1/exchange_service.proto'],
  { includeDirs: [protoDir], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true });
const { tamiz } = grpc.loadPackageDefinition(definition);

const rpcRoot = new protobuf.Root();
rpcRoot.resolvePath = (origin, target) =>
  target.startsWith('google/protobuf/') ? target : path.join(protoDir, target);
rpcRoot.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], { keepCase: true });

export const status = grpc.status;
export { grpc, tamiz };

// Every method that a test has driven; api.test.js holds it against the services.
export const driven = new Set();

// The google.rpc details of an error, by their short type names.
export function details(error) {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!bytes) return {};
  const rich = rpcRoot.lookupType('google.rpc.Status').decode(bytes);
  const found = {};
  for (const any of rich.details) {
    const type = any.type_url.split('/').pop();
    found[type.split('.').pop()] = rpcRoot.lookupType(type).toObject(rpcRoot.lookupType(type).decode(any.value),
      { longs: Number, defaults: true });
  }
  return found;
}

export class Client {
  constructor(address, credentials = grpc.credentials.createInsecure(), options = {}) {
    const all = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1, 'grpc.use_local_subchannel_pool': 1, ...options };
    this.scans = new tamiz.v1.ScanService(address, credentials, all);
    this.hashes = new tamiz.v1.HashService(address, credentials, all);
    this.lists = new tamiz.v1.ListService(address, credentials, all);
    this.admin = new tamiz.v1.AdminService(address, credentials, all);
    this.exchanges = new tamiz.v1.ExchangeService(address, credentials, all);
    const Health = grpc.makeClientConstructor(healthService, 'Health');
    this.health = new Health(address, credentials, all);
  }

  close() {
    for (const client of [this.scans, this.hashes, this.lists, this.admin, this.exchanges, this.health]) client.close();
  }

  // Calls a unary method; rejects with grpc-js' error, which has code, details and metadata.
  call(client, method, request = {}, { seconds = 60 * slowdown, metadata = new grpc.Metadata() } = {}) {
    driven.add(client[method].path ?? method);
    return new Promise((resolve, reject) => {
      client[method](request, metadata, { deadline: Date.now() + seconds * 1000 },
        (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }

  scan(request, options) { return this.call(this.scans, 'Scan', request, options).then((answer) => answer.result); }
  scanBytes(content, request = {}, options = {}) { return this.scan({ ...request, content }, options); }

  // Streams `bytes` in pieces whose sizes `sizes` gives in turn.
  upload(bytes, request = {}, sizes = [65536], options = {}) {
    return this.clientStream(this.scans, 'ScanUpload', (function* () {
      yield { options: request };
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length];
        yield { chunk: bytes.subarray(at, at + size) };
        at += size;
      }
    })(), options).then((answer) => answer.result);
  }

  clientStream(client, method, messages, { seconds = 60 * slowdown } = {}) {
    driven.add(client[method].path ?? method);
    return new Promise((resolve, reject) => {
      const stream = client[method](new grpc.Metadata(), { deadline: Date.now() + seconds * 1000 },
        (error, answer) => (error ? reject(error) : resolve(answer)));
      stream.on('error', () => {});  // the callback has it
      for (const message of messages) stream.write(message);
      stream.end();
    });
  }

  // Sends all requests over one ScanMany stream; resolves to the answers in order of arrival.
  scanMany(requests, { seconds = 120 * slowdown } = {}) {
    driven.add(this.scans.ScanMany.path);
    return new Promise((resolve, reject) => {
      const answers = [];
      const stream = this.scans.ScanMany(new grpc.Metadata(), { deadline: Date.now() + seconds * 1000 });
      stream.on('data', (answer) => answers.push(answer));
      stream.on('error', reject);
      stream.on('end', () => resolve(answers));
      for (const request of requests) stream.write({ request });
      stream.end();
    });
  }

  // A whole list file; `options` as in ImportOptions.
  importText(text, options, size = 64 * 1024) {
    const bytes = Buffer.from(text);
    return this.clientStream(this.lists, 'ImportEntries', (function* () {
      yield { options: { format: 'csv', ...options } };
      for (let at = 0; at < bytes.length; at += size) yield { chunk: bytes.subarray(at, at + size) };
    })());
  }

  exportEntries(list, version = 0) {
    driven.add(this.lists.ExportEntries.path);
    return new Promise((resolve, reject) => {
      const entries = [];
      const stream = this.lists.ExportEntries({ list, version }, new grpc.Metadata(), { deadline: Date.now() + 60_000 * slowdown });
      stream.on('data', (part) => entries.push(...part.entries));
      stream.on('error', reject);
      stream.on('end', () => resolve(entries));
    });
  }

  // Makes a list of the hashes of `pictures` ({ id: bytes }), computed by the server.
  async listOf(name, pictures, list = {}) {
    await this.call(this.lists, 'CreateList', { name, ...list });
    const answer = await this.call(this.lists, 'AddEntries', {
      list: name,
      media: Object.entries(pictures).map(([id, content]) => ({ entry: { entry_id: id }, content })),
    });
    return answer.list;
  }
}

// The rejection of a promise that must fail with one of `codes`.
export async function failure(promise, ...codes) {
  let answer;
  try {
    answer = await promise;
  } catch (error) {
    if (codes.includes(error.code)) return error;
    throw new Error(`expected status ${codes.map((code) => status[code])}, got ${error.message}`, { cause: error });
  }
  throw new Error(`expected status ${codes.map((code) => status[code])}, got an answer: ${JSON.stringify(answer).slice(0, 300)}`);
}

export async function until(what, condition, seconds = 20 * slowdown) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
