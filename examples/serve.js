// Serves the files of an archive over HTTP, or those below one of its directories, with ranges: only the blobs that hold
// what is asked for are read, and every byte is verified before it is sent.
//
//     node examples/serve.js release.znip [DIRECTORY] [PORT]
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { open } from 'znip';

const [file = '', directory = '', port = '8080'] = process.argv.slice(2);
const archive = await open(file);

// The index is read once. A hard link is another name of a file.
const base = directory === '' ? '' : `${directory.replace(/\/+$/, '')}/`;
const entries = new Map();
for await (const entry of archive.entries()) entries.set(entry.path, entry);
const find = (path) => {
  const entry = entries.get(`${base}${path}`);
  return entry?.kind === 'hardlink' ? entries.get(entry.linkTarget) : entry;
};

const TYPES = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['json', 'application/json'],
  ['txt', 'text/plain; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['png', 'image/png'],
]);

/** The one range that a client asks for (RFC 9110, section 14); undefined for all of it, null for none that is there. */
function rangeOf(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start < end ? { start, end } : null;
}

async function answer(request, response) {
  const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).slice(1);
  const entry = find(path) ?? find(`${path}${path === '' || path.endsWith('/') ? '' : '/'}index.html`);
  if (entry?.kind !== 'file') return response.writeHead(404).end('not in the archive\n');
  const etag = `"${entry.checksum}"`;
  if (request.headers['if-none-match'] === etag) return response.writeHead(304).end();
  const range = rangeOf(request.headers.range, entry.size);
  if (range === null) return response.writeHead(416, { 'content-range': `bytes */${entry.size}` }).end();
  const { start, end } = range ?? { start: 0, end: entry.size };
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': TYPES.get(entry.path.split('.').at(-1)) ?? 'application/octet-stream',
    'content-length': end - start,
    'accept-ranges': 'bytes',
    etag,
    'last-modified': entry.mtime.toUTCString(),
    ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${entry.size}` }),
  });
  if (request.method === 'HEAD') return response.end();
  // Who goes away is not read for.
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return pipeline(Readable.fromWeb(archive.stream(entry, { start, end, signal: gone.signal })), response);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    if (!response.destroyed) console.error(`${request.url}: ${error.message}`);
    if (response.headersSent) response.destroy();
    else response.writeHead(error instanceof URIError ? 400 : 500).end();
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
