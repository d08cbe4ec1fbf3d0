// Runs programs to their end.
import { spawn } from 'node:child_process';
import path from 'node:path';

import { binDir } from './server.js';

export function run(program, args, { input, environment = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...environment }, cwd });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (part) => { stdout += part; });
    child.stderr.on('data', (part) => { stderr += part; });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    child.stdin.on('error', () => {});  // the program may end before it has read all
    child.stdin.end(input);
  });
}

// The tamiz client against `server`.
export const tamiz = (server, args, options = {}) =>
  run(path.join(binDir, 'tamiz'), args, { ...options, environment: { TAMIZ_SERVER: server.address, ...options.environment } });
