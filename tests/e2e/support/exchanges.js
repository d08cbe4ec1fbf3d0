// Exchanges as their documents describe them, with the misbehaviours that real ones show.
import http from 'node:http';

const escapeXml = (text) => String(text).replace(/[<>&"]/g, (c) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[c]);
const iso = (ms) => new Date(ms).toISOString();

class FakeServer {
  async listen() {
    this.requests = [];
    this.failures = [];  // statuses to answer with first
    this.delayMs = 0;
    this.server = http.createServer((request, response) => {
      const noted = { method: request.method, url: request.url, headers: request.headers, body: '' };
      this.requests.push(noted);
      request.on('data', (part) => { noted.body += part; });
      request.on('end', () => setTimeout(() => this.answer(request, response, noted.body), this.delayMs));
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    return this;
  }

  answer(request, response, body) {
    const failure = this.failures.shift();
    if (failure) { response.writeHead(failure, failure === 429 ? { 'retry-after': '1' } : {}); return response.end(); }
    return this.route(request, response, body);
  }

  async stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

// NCMEC Hash Sharing v2 below /hashsharing.
export class FakeNcmec extends FakeServer {
  constructor({ user = 'tamiz', password = 'pass:word', pageSize = 1000 } = {}) {
    super();
    Object.assign(this, { user, password, pageSize });
    this.entries = new Map();   // member/kind/id -> { member, kind, id, at, fingerprints, classification, deleted }
    this.large = new Map();     // href -> bytes
    this.brokenLinks = 0;       // so many next links fail
    this.gate = undefined;      // a promise that the next answer, made at once, waits for
  }

  get base() { return `http://127.0.0.1:${this.port}/hashsharing`; }

  put(member, kind, id, fingerprints, { at = Date.now() - 60_000, classification } = {}) {
    this.entries.set(`${member}/${kind}/${id}`, { member, kind, id, at, fingerprints, classification });
  }

  remove(member, kind, id, { at = Date.now() - 30_000 } = {}) {
    this.entries.set(`${member}/${kind}/${id}`, { member, kind, id, at, deleted: true });
  }

  route(request, response) {
    const expected = `Basic ${Buffer.from(`${this.user}:${this.password}`).toString('base64')}`;
    if (request.headers.authorization !== expected) { response.writeHead(401); return response.end(); }
    const url = new URL(request.url, 'http://x');
    const { gate } = this;
    this.gate = undefined;
    const send = (body, type = 'application/xml') => Promise.resolve(gate).then(() => { response.writeHead(200, { 'content-type': type }); response.end(body); });
    if (url.pathname === '/hashsharing/v2/status') {
      return send('<?xml version="1.0"?><status xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><ipAddress>127.0.0.1</ipAddress><username>tamiz</username><member id="7001">Tamiz Test Platform</member></status>');
    }
    const reasons = /^\/hashsharing\/v2\/feedback\/([A-Z0-9_]+)\/reasons$/.exec(url.pathname);
    if (reasons) {
      const available = `<availableFeedbackReasons xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><reason guid="01234567-abcd-0123-4567-0123456789aa" name="Not what it says &amp; more" type="${reasons[1]}"/><reason guid="01234567-abcd-0123-4567-0123456789ab" name="Other" type="${reasons[1]}"/></availableFeedbackReasons>`;
      // Seen as the root and as a child.
      return send(reasons[1] === 'MD5' ? available : `<result>${available}</result>`);
    }
    if (request.method === 'PUT' && /^\/hashsharing\/v2\/entries\/[^/]+\/[^/]+\/[A-Z0-9_]+\/feedback$/.test(url.pathname)) {
      response.writeHead(200);
      return response.end();
    }
    const large = this.large.get(url.pathname.replace('/hashsharing', ''));
    if (large) return send(large, 'application/octet-stream');
    if (url.pathname !== '/hashsharing/v2/entries') { response.writeHead(404); return response.end(); }
    const from = Date.parse(url.searchParams.get('from'));
    const to = Date.parse(url.searchParams.get('to'));
    if (Number.isNaN(from) || Number.isNaN(to)) { response.writeHead(400); return response.end(); }
    const start = Number(url.searchParams.get('start') ?? 1);
    if (start > 1 && this.brokenLinks > 0) { this.brokenLinks -= 1; response.writeHead(410); return response.end(); }
    // From is exclusive, to inclusive; not in order of time.
    const found = [...this.entries.values()].filter((one) => one.at > from && one.at <= to);
    const page = found.slice(start - 1, start - 1 + this.pageSize);
    const next = start - 1 + this.pageSize < found.length
      ? `<paging><next>/v2/entries?from=${encodeURIComponent(iso(from))}&amp;to=${encodeURIComponent(iso(to))}&amp;start=${start + this.pageSize}&amp;size=${this.pageSize}&amp;max=${found.length}</next></paging>` : '';
    const kind = (name, plural) => {
      const mine = page.filter((one) => one.kind === name);
      return `<${plural} count="${mine.length}">${mine.map((one) => this.xml(one)).join('')}</${plural}>`;
    };
    return send(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">${kind('image', 'images')}${kind('video', 'videos')}${next}</queryResult>`);
  }

  xml(one) {
    const member = `<member id="${escapeXml(one.member)}">Member ${escapeXml(one.member)}</member>`;
    if (one.deleted) {
      const tag = one.kind === 'image' ? 'deletedImage' : 'deletedVideo';
      return `<${tag}>${member}<id>${escapeXml(one.id)}</id><timestamp>${iso(one.at)}</timestamp></${tag}>`;
    }
    const prints = Object.entries(one.fingerprints).map(([type, value]) =>
      (value.href ? `<${type} rel="self" href="${value.href}"/>` : `<${type}>${escapeXml(value)}</${type}>`)).join('');
    return `<${one.kind}>${member}<timestamp>${iso(one.at)}</timestamp><id>${escapeXml(one.id)}</id>${one.classification ? `<classification>${one.classification}</classification>` : ''}<fingerprints>${prints}</fingerprints><newThing from="the future"/></${one.kind}>`;
  }
}

// StopNCII below /v1.
export class FakeStopNcii extends FakeServer {
  constructor({ pageSize = 2 } = {}) {
    super();
    this.pageSize = pageSize;
    this.records = [];  // { signalType, hashValue, hashStatus, lastModtimestamp }
  }

  get base() { return `http://127.0.0.1:${this.port}/v1`; }

  put(signalType, hashValue, hashStatus, more = {}) {
    this.records = this.records.filter((one) => one.signalType !== signalType || one.hashValue !== hashValue);
    this.records.push({ lastModtimestamp: Math.floor(Date.now() / 1000), signalType, hashValue, hashStatus, caseNumbers: { 'case-1': hashStatus }, ...more });
  }

  route(request, response) {
    const send = (status, body) => { response.writeHead(status, { 'content-type': 'application/json' }); response.end(JSON.stringify(body)); };
    if (request.method === 'POST' && request.url === '/v1/SubmitFeedback' && request.headers['x-functions-key'] === 'feedback-key' &&
      request.headers['ocp-apim-subscription-key'] === 'subscription-key') return send(200, {});
    if (request.headers['x-functions-key'] !== 'function-key' || request.headers['ocp-apim-subscription-key'] !== 'subscription-key') return send(401, {});
    const url = new URL(request.url, 'http://x');
    if (url.pathname !== '/v1/FetchHashes') return send(404, {});
    const start = Number(url.searchParams.get('startTimestamp'));
    const found = this.records.filter((one) => one.lastModtimestamp >= start);
    const token = url.searchParams.get('nextPageToken');
    const at = token ? Number(Buffer.from(token, 'base64').toString()) : 0;
    const page = found.slice(at, at + this.pageSize);
    const more = at + this.pageSize < found.length;
    return send(200, {
      count: page.length, hasMoreRecords: more, nextPageToken: more ? Buffer.from(String(at + this.pageSize)).toString('base64') : null,
      nextSetTimestamp: Math.floor(Date.now() / 1000), hashRecords: page,
    });
  }
}
