/**
 * The programs of examples/, run as their first lines tell.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { run, znip } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const directory = temporaryDirectory();
const here = { cwd: directory };

const example = (name: string, ...args: string[]): ReturnType<typeof run> =>
  run(process.execPath, [join(examples, name), ...args], here);

beforeAll(() => {
  mkdirSync(join(directory, 'site/assets'), { recursive: true });
  writeFileSync(join(directory, 'site/index.html'), '<h1>Site</h1>\n');
  writeFileSync(join(directory, 'site/assets/image.png'), noise(300_000));
  run('ln', ['site/index.html', 'site/same.html'], here);
  writeFileSync(join(directory, 'left-1.0.0.tgz'), 'package');
  expect(znip(['pack', '-q', 'site', '-o', 'site.znip'], here).status).toBe(0);
  expect(znip(['pack', '-q', 'left-1.0.0.tgz', '-o', 'packages.znip'], here).status).toBe(0);
  writeFileSync(join(directory, 'broken.znip'), 'no archive');
});

test('every example is tried here', () => {
  expect(readdirSync(examples).sort()).toEqual(['add-generated.js', 'find.js', 'read.py', 'serve.js']);
});

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

async function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers, method }, resolve).once('error', reject);
  });
  return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
}

test('serve.js serves a directory of an archive, with ranges', async () => {
  const server = spawn(process.execPath, [join(examples, 'serve.js'), 'site.znip', 'site', '0'], here);
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
      server.once('exit', (status) => reject(new Error(`it ended with ${status}`)));
    });
    const image = readFileSync(join(directory, 'site/assets/image.png'));
    const whole = await ask(`${url}assets/image.png`);
    expect(whole.status).toBe(200);
    expect(whole.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': '300000',
      'accept-ranges': 'bytes',
    });
    expect(whole.body.equals(image)).toBe(true);
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=1000-', 1000, 300_000],
      ['bytes=299990-400000', 299_990, 300_000],
      ['bytes=-5', 299_995, 300_000],
    ] as const) {
      const part = await ask(`${url}assets/image.png`, { range });
      expect(part.status).toBe(206);
      expect(part.headers['content-range']).toBe(`bytes ${start}-${end - 1}/300000`);
      expect(part.body.equals(image.subarray(start, end))).toBe(true);
    }
    expect(await ask(`${url}assets/image.png`, { range: 'bytes=300000-' })).toMatchObject({ status: 416 });
    expect(
      await ask(`${url}assets/image.png`, { 'if-none-match': String(whole.headers.etag) }),
    ).toMatchObject({ status: 304 });
    for (const path of ['', 'index.html', 'same.html', 'assets/../index.html']) {
      expect((await ask(`${url}${path}`)).body.toString()).toBe('<h1>Site</h1>\n');
    }
    expect(await ask(url, {}, 'HEAD')).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(await ask(`${url}absent`)).toMatchObject({ status: 404 });
    expect(await ask(`${url}assets`)).toMatchObject({ status: 404 });
    expect(await ask(`${url}%ff`)).toMatchObject({ status: 400 });
  } finally {
    server.kill();
  }
});

test('add-generated.js adds a file that is made', () => {
  const { stdout, stderr, status } = example('add-generated.js', 'built.znip', 'site');
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).toMatch(/^built\.znip: 6 members, [0-9a-f]{64}\n$/);
  expect(JSON.parse(znip(['cat', 'built.znip', 'BUILD.json'], here).stdout)).toMatchObject({
    node: process.version,
  });
  expect(znip(['cat', 'built.znip', 'site/index.html'], here).stdout).toBe('<h1>Site</h1>\n');
});

test('find.js finds files in many archives', () => {
  const png = example('find.js', '**/*.png', 'packages.znip', 'site.znip');
  expect(png.status).toBe(0);
  expect(png.stdout).toMatch(/^site\.znip\tsite\/assets\/image\.png\t300000\t[^\t]+Z\t[0-9a-f]{64}\n$/);
  const packages = example('find.js', '--type', 'npm', 'broken.znip', 'packages.znip', 'site.znip');
  expect(packages.status).toBe(2);
  expect(packages.stdout).toMatch(/^packages\.znip\tleft-1\.0\.0\.tgz\t/);
  expect(packages.stderr).toMatch(/^broken\.znip: /);
  expect(example('find.js', 'nothing', 'site.znip')).toMatchObject({ status: 1, stdout: '', stderr: '' });
});
