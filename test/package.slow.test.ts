/**
 * The package as npm delivers it: installed without scripts, into an empty folder, it works.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { NATIVE } from './support/codecs.ts';
import { run, znip } from './support/run.ts';
import { describeTree, makeTree, microseconds, temporaryDirectory } from './support/tree.ts';

const directory = temporaryDirectory();
const project = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string };

test(
  'installed with --ignore-scripts it packs and unpacks, and uses the native core, and does without it',
  { timeout: 240_000 },
  () => {
    expect(
      run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], { cwd: project })
        .status,
    ).toBe(0);
    const app = join(directory, 'app');
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), '{"private":true,"type":"module"}');
    const install = run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', `../znip-${version}.tgz`],
      {
        cwd: app,
        timeout: 200_000,
        env: { NODE_EXTRA_CA_CERTS: process.env['ZNIP_TEST_CA_CERTS'] ?? '' },
      },
    );
    expect(install.status, install.stderr).toBe(0);
    expect(readdirSync(join(app, 'node_modules'))).not.toContain('vitest');
    const installed = (...args: string[]): ReturnType<typeof run> =>
      run(join(app, 'node_modules/.bin/znip'), args, { cwd: directory });
    if (NATIVE.installed) expect(installed('--version', '-v').stdout).toContain('core: native\n');
    // As on a machine for which there is no core.
    rmSync(join(app, 'node_modules/znip/dist/core'), { recursive: true, force: true });
    expect(installed('--version', '-v').stdout).toMatch(
      /core: portable \(there is none for .*\ncodec: zstd .*(?:@mongodb-js\/zstd 1\.2\.2|node:zlib)/,
    );

    makeTree(join(directory, 'tree'));
    const source = describeTree(join(directory, 'tree'), microseconds);
    expect(installed('pack', '-q', 'tree', '-o', 'installed.znip').status).toBe(0);
    expect(installed('unpack', '-q', 'installed.znip', '-C', 'by-installed').status).toBe(0);
    expect(describeTree(join(directory, 'by-installed/tree'), microseconds)).toEqual(source);

    const here = { cwd: directory };
    expect(znip(['pack', '-q', 'tree', '-o', 'here.znip'], here).status).toBe(0);
    expect(installed('unpack', '-q', 'here.znip', '-C', 'native-to-portable').status).toBe(0);
    expect(znip(['unpack', '-q', 'installed.znip', '-C', 'portable-to-native'], here).status).toBe(0);
    expect(describeTree(join(directory, 'native-to-portable/tree'), microseconds)).toEqual(source);
    expect(describeTree(join(directory, 'portable-to-native/tree'), microseconds)).toEqual(source);

    // The library, as the README shows it.
    const readme = readFileSync(join(project, 'README.md'), 'utf8');
    const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(example).toContain("from 'znip'");
    mkdirSync(join(app, 'dist'));
    writeFileSync(join(app, 'dist/file.txt'), 'content');
    writeFileSync(join(app, 'dist/é'), '');
    writeFileSync(join(app, 'example.js'), example);
    const ran = run(process.execPath, ['example.js'], { cwd: app });
    expect(ran.status, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('dist/file.txt 7\ndist/é 0\n');
    // And from CommonJS.
    const required = run(process.execPath, ['-p', "typeof require('znip').pack"], { cwd: app });
    expect(required.stdout).toBe('function\n');
    expect(readFileSync(join(app, 'somewhere/dist/file.txt'), 'utf8')).toBe('content');
  },
);
