// Speaks to tests as Azure Blob Storage does, on loopback: Azurite, with a container that is empty.
//
// Usage: node -e … AZURITE CONTAINER ACCOUNT KEY
// Prints its port, then serves until its standard input ends.
'use strict';
const { createHmac } = require('node:crypto');
const { spawn } = require('node:child_process');

const [azurite, container, account, key] = process.argv.slice(1);
const options = ['--inMemoryPersistence', '--blobHost', '127.0.0.1', '--blobPort', '0', '--skipApiVersionCheck', '--disableTelemetry'];
const server = spawn(process.execPath, [azurite, ...options], {
  env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
  stdio: ['ignore', 'pipe', 'inherit'],
});
server.on('exit', (code) => process.exit(code ?? 1));
process.stdin.on('end', () => server.kill()).resume();

// "Authorize with Shared Key" of Azure's documentation: twelve empty headers, then those of x-ms, then the resource.
async function createContainer(port) {
  const date = new Date().toUTCString();
  const headers = { 'x-ms-date': date, 'x-ms-version': '2021-12-02' };
  const path = `/${account}/${container}`;
  const lines = ['PUT', ...Array(11).fill(''), `x-ms-date:${date}`, 'x-ms-version:2021-12-02'];
  const text = [...lines, `/${account}${path}`, 'restype:container'].join('\n');
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64');
  headers.authorization = `SharedKey ${account}:${signature}`;
  const answer = await fetch(`http://127.0.0.1:${port}${path}?restype=container`, { method: 'PUT', headers });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
}

let said = '';
server.stdout.on('data', (bytes) => {
  if (said === null) return;
  said += bytes;
  const port = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(said);
  if (!port) return;
  said = null;
  createContainer(port[1]).then(() => console.log(port[1]), (error) => {
    console.error(error);
    server.kill();
  });
});
