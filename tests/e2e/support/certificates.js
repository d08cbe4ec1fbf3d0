// Certificate authorities and certificates of the test's own, by openssl.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { run } from './process.js';

const kKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Certificates {
  constructor(directory) { this.directory = directory; }

  at(name) { return path.join(this.directory, name); }
  read(name) { return fs.readFileSync(this.at(name)); }

  async openssl(...args) {
    const { code, stderr } = await run('openssl', args, { cwd: this.directory });
    assert.equal(code, 0, stderr);
  }

  // `name`.pem and `name`.key.
  authority(name) {
    return this.openssl('req', '-x509', ...kKey, '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`);
  }

  // A certificate of `ca` in `file`.pem and its key in `file`.key.
  async certificate(file, { ca = 'ca', days = 2, cn = file, names = 'DNS:tamiz.test,IP:127.0.0.1' } = {}) {
    await this.openssl('req', ...kKey, '-subj', `/CN=${cn}`, '-keyout', `${file}.key`, '-out', `${file}.csr`);
    fs.writeFileSync(this.at(`${file}.ext`), `subjectAltName=${names}\n`);
    await this.openssl('x509', '-req', '-in', `${file}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', String(days),
      '-extfile', `${file}.ext`, '-out', `${file}.pem`);
  }
}
