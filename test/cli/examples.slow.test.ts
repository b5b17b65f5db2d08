/**
 * Every example of the help and of the README, run by a shell in a folder that has what they speak of. Programs
 * of other places are stand-ins: ssh runs its command here, curl fetches from a server here, docker and pg_dump
 * give and take a file, npm makes what it would make. Absolute paths lead into the folder.
 */
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { commandNames, examplesOf } from '../support/help.ts';
import { lacks, run, znip, ZNIP } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
const directory = temporaryDirectory();
const bin = join(directory, 'bin');
const template = join(directory, 'template');
let server: Server;

function write(path: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

beforeAll(async () => {
  write(join(bin, 'znip'), `#!/bin/sh\nexec '${process.execPath}' '${ZNIP}' "$@"\n`, 0o755);
  write(join(bin, 'ssh'), '#!/bin/sh\nshift\ncd "$FOLDER/host" && exec sh -c "$*"\n', 0o755);
  write(join(bin, 'pg_dump'), '#!/bin/sh\necho "create table $1;"\n', 0o755);
  write(
    join(bin, 'docker'),
    '#!/bin/sh\ncase $1 in save) cat "$FOLDER/app.tar" ;; load) cat > "$FOLDER/loaded.tar" ;; *) exit 64 ;; esac\n',
    0o755,
  );
  write(
    join(bin, 'npm'),
    `#!/bin/sh
echo "$*" >> "$FOLDER/npm.log"
case "$*" in
  ci) mkdir -p node_modules/left && echo left > node_modules/left/index.js ;;
  'run build') mkdir -p dist && cp node_modules/left/index.js dist/app.js ;;
  'install --global https://example.org/znip.tgz') ;;
  *) exit 64 ;;
esac
`,
    0o755,
  );
  const curl = run('sh', ['-c', 'command -v curl || true']).stdout.trim();
  server = createServer((request, response) => {
    const folder = request.headers['x-folder'];
    response.end(readFileSync(join(String(folder), 'web', String(request.url))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  write(
    join(bin, 'curl'),
    `#!/bin/sh
url=$(echo "$2" | sed 's|https://example.org|http://127.0.0.1:${port}|')
exec '${curl}' "$1" -f -H "x-folder: $FOLDER" "$url"
`,
    0o755,
  );

  const files: Record<string, string | Uint8Array> = {
    'node_modules/commander/package.json': '{"name":"commander"}',
    'node_modules/codec/lib/codec.wasm': noise(1_200_000),
    'src/index.js': 'export {};\n',
    'src/debug.log': 'noise',
    'docs/guide.md': '# Guide\n',
    'README.md': '# Project\n',
    'dist/app.js': 'app();\n',
    'build/app.js': 'app();\n',
    'package.json': '{}',
    'package-lock.json': '{"lockfileVersion":3}',
    'srv/mirror/npm/left-1.0.0.tgz': 'npm',
    'srv/mirror/maven/left.jar': 'maven',
    'srv/release/app.sha256': 'another hash',
    'team-a/left-1.0.0.tgz': 'npm',
    'release/app.sha256': 'hash',
    'logs/today.log': prose(20_000),
    'images/disk.img': noise(2_200_000),
  };
  for (const [name, content] of Object.entries(files)) write(join(template, name), content);
  for (const name of ['host', 'web', 'home/.config/fish/completions', 'var/cache/ci', 'srv/app']) {
    mkdirSync(join(template, name), { recursive: true });
  }
  const here = { cwd: template };
  const make = (...args: string[]): void => expect(znip(['pack', '-q', ...args], here).status).toBe(0);
  make('node_modules', '-o', 'deps.znip');
  make('team-a', '-o', 'mirror.znip', '--repo-from-dir');
  make('release', '-o', 'release.znip');
  make('logs', '-o', 'logs.znip');
  make('images', '-o', 'images.znip');
  make('dist', '-o', 'dist.znip');
  make('dist', '-o', 'yesterday.znip');
  make('dist', '-o', 'today.znip');
  for (const name of ['core', 'part-1', 'old', 'a', 'b']) make('dist', '-o', `${name}.znip`);
  for (const name of ['docs', 'part-2']) make('docs', '-o', `${name}.znip`);
  make('dist', 'docs', '-o', 'new.znip');
  make('src', 'docs', 'README.md', '-o', 'all.znip');
  writeFileSync(join(template, 'deps.root'), znip(['info', '--root', 'deps.znip'], here).stdout);
  cpSync(join(template, 'deps.znip'), join(template, 'host/deps.znip'));
  cpSync(join(template, 'deps.znip'), join(template, 'web/deps.znip'));
  const whole = readFileSync(join(template, 'deps.znip'));
  const broken = Buffer.from(whole);
  broken[600_000] = (broken[600_000] ?? 0) ^ 1;
  writeFileSync(join(template, 'broken.znip'), broken);
  writeFileSync(join(template, 'half-downloaded.znip'), whole.subarray(0, whole.byteLength >> 1));
  expect(run('tar', ['-cf', 'app.tar', 'dist'], here).status).toBe(0);
  expect(znip(['pack', '-q', '--tar', 'app.tar', '-o', 'app.znip'], here).status).toBe(0);
  expect(run('tar', ['-czf', 'web/src.tar.gz', 'docs'], here).status).toBe(0);
  const git =
    'git init -q . && git add src docs README.md && git -c user.name=n -c user.email=e commit -qm x';
  expect(run('sh', ['-c', git], here).status).toBe(0);
});

afterAll(() => {
  server.close();
});

function newFolder(): string {
  const folder = mkdtempSync(join(directory, 'folder-'));
  expect(run('cp', ['-a', `${template}/.`, folder]).status).toBe(0);
  return folder;
}

interface Ran {
  status: number | null;
  output: string;
}

/** Runs a script of a shell. Not synchronously: the server is in this process. */
async function shell(script: string, folder: string, program = 'bash'): Promise<Ran> {
  const local = script
    .replace(/(?<=^|[\s=])\/(?=somewhere|srv|var\b)/gm, `${folder}/`)
    .replace(/(?<=-C )\/(?=srv)/g, `${folder}/`);
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: join(folder, 'home'),
    FOLDER: folder,
    ZNIP_PACKAGE: 'https://example.org/znip.tgz',
  };
  const options = program === 'bash' ? ['-e', '-o', 'pipefail', '-c'] : ['-c'];
  const child = spawn(program, [...options, local], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, output };
}

/** Examples whose archive is damaged, or whose pattern is meant to find nothing here, do not end with 0. */
function statusOf(example: string): number {
  if (/^znip recover|^znip repair/.test(example)) return 4;
  // What differs is what it prints.
  return example.startsWith('znip diff --json release.znip') ? 1 : 0;
}

/** Programs of examples that a machine may not have. */
const PROGRAMS = ['zsh', 'jq', 'xxd', 'curl', 'zstd', 'git'];

/** In what a zsh user has done before. */
const ZSH = 'autoload -U compinit; compinit -u\n';

describe.each(['', ...commandNames().filter((name) => name !== 'help')])(
  'examples of the help: %s',
  (command) => {
    test.for(examplesOf(...(command === '' ? [] : [command])))('%s', async (example, { skip }) => {
      const zsh = example.includes('completion zsh');
      const missing = PROGRAMS.filter((name) => lacks(name) && new RegExp(`\\b${name}\\b`).test(example));
      skip(missing.length > 0, `not installed: ${missing.join(', ')}`);
      const folder = newFolder();
      // The folder has what the example is about to make, where it is about making it anew.
      if (/^znip unpack (?:deps\.znip|mirror\.znip)|^ssh|^tar --zstd/.test(example)) {
        run('rm', ['-rf', join(folder, 'node_modules'), join(folder, 'team-a')]);
      }
      const { status, output } = zsh
        ? await shell(`${ZSH}${example}`, folder, 'zsh')
        : await shell(example, folder);
      expect({ status, output }).toEqual({ status: statusOf(example), output });
      expect(output).not.toContain('usage');
      const made = / (?:-o|>) (?:~\/)?([\w./-]+\.\w+)/.exec(example)?.[1];
      if (made === undefined) return;
      const place = example.includes('~/') ? 'home/' : example.includes('ssh host') ? 'host/' : '';
      expect(existsSync(join(folder, `${place}${made}`))).toBe(true);
    });
  },
);

test('a piece of a member is that piece', async () => {
  const folder = newFolder();
  const { output } = await shell('znip cat logs.znip logs/today.log --range -4096', folder);
  expect(output).toBe(readFileSync(join(folder, 'logs/today.log'), 'utf8').slice(-4096));
});

const [, ci = ''] = /\n## In CI\n([^]*?)\n## /.exec(readme) ?? [];
const blocks = [...ci.matchAll(/```(\w+)\n([^]*?)```/g)].map(([, language, text]) => ({
  language,
  text: text ?? '',
}));

interface Step {
  id?: string;
  if?: string;
  run?: string;
  uses?: string;
  with?: Record<string, string>;
}

describe('CI, as the README has it', () => {
  const yaml = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
  const workflow = parse(yaml) as { env: { ZNIP_PACKAGE: string }; jobs: Record<string, { steps: Step[] }> };

  /** Runs the steps of a job that have a `run`, as the runner would with this outcome of the cache. */
  const runJob = async (job: string, folder: string, hit: boolean): Promise<void> => {
    for (const step of workflow.jobs[job]?.steps ?? []) {
      const condition = step.if?.replace('steps.cache.outputs.cache-hit', `'${hit ? 'true' : ''}'`);
      if (condition === `'true' != 'true'` || condition === `'' == 'true'`) continue;
      expect(condition ?? `'true' == 'true'`).toMatch(/^'true' == 'true'$|^'' != 'true'$/);
      if (step.run === undefined) continue;
      const { status, output } = await shell(step.run, folder);
      expect({ run: step.run, status, output }).toEqual({ run: step.run, status: 0, output });
    }
  };

  test.skipIf(lacks('zstd'))(
    'GitHub Actions: a run without a cache, one with it, and the job after it',
    async () => {
      expect(workflow.env.ZNIP_PACKAGE).toBe('https://example.org/znip.tgz');
      const cache = workflow.jobs['build']?.steps.find(({ uses }) => uses?.startsWith('actions/cache'));
      const upload = workflow.jobs['build']?.steps.find(({ uses }) =>
        uses?.startsWith('actions/upload-artifact'),
      );
      const first = newFolder();
      run('rm', ['-rf', join(first, 'node_modules'), join(first, 'dist'), join(first, 'dist.znip')]);
      const second = newFolder();
      run('rm', ['-rf', join(second, 'node_modules'), join(second, 'dist'), join(second, 'dist.znip')]);
      await runJob('build', first, false);
      // What the runner keeps is what the steps say: it must be there.
      cpSync(join(first, String(cache?.with?.['path'])), join(second, String(cache?.with?.['path'])));
      await runJob('build', second, true);
      expect(readFileSync(join(second, 'npm.log'), 'utf8')).not.toMatch(/^ci$/m);
      expect(describeTree(join(second, 'node_modules'))).toEqual(describeTree(join(first, 'node_modules')));
      const artifact = String(upload?.with?.['path']);
      expect(readFileSync(join(second, artifact))).toEqual(readFileSync(join(first, artifact)));
      const deploy = mkdtempSync(join(directory, 'deploy-'));
      cpSync(join(second, artifact), join(deploy, artifact));
      await runJob('deploy', deploy, false);
      expect(readFileSync(join(deploy, 'dist/app.js'), 'utf8')).toBe('left\n');
    },
  );

  test('plain shell: twice, the second time from the cache', async () => {
    const script =
      blocks.find(({ language, text }) => language === 'sh' && text.includes('sha256sum'))?.text ?? '';
    expect(script).toContain('npm ci');
    const folder = newFolder();
    for (const time of [1, 2]) {
      run('rm', ['-rf', join(folder, 'node_modules'), join(folder, 'dist')]);
      const { status, output } = await shell(script, folder);
      expect({ time, status, output }).toEqual({ time, status: 0, output });
      expect(readFileSync(join(folder, 'srv/app/dist/app.js'), 'utf8')).toBe('left\n');
    }
    expect(readFileSync(join(folder, 'npm.log'), 'utf8')).toBe('ci\nrun build\nrun build\n');
  });

  test.skipIf(lacks('zstd', 'bsdtar'))('where only tar is there', async () => {
    const script =
      blocks.find(({ language, text }) => language === 'sh' && text.includes('bsdtar'))?.text ?? '';
    const lines = script.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      const folder = newFolder();
      run('rm', ['-rf', join(folder, 'dist')]);
      const { status, output } = await shell(line, folder);
      expect({ line, status, output }).toEqual({
        line,
        status: 0,
        output: line.startsWith('znip') ? output : '',
      });
      if (line.startsWith('znip')) run('tar', ['-xzf', 'dist.tar.gz'], { cwd: folder });
      expect(readFileSync(join(folder, 'dist/app.js'), 'utf8')).toBe('app();\n');
    }
  });

  test.skipIf(lacks('zstd'))('the first commands that the README shows', async () => {
    const [, block = ''] = /```sh\nnpm install --global[^\n]*\n([^]*?)```/.exec(readme) ?? [];
    const folder = newFolder();
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('tar')) run('rm', ['-rf', join(folder, 'node_modules')]);
      const { status, output } = await shell(line, folder);
      expect({ line, status, output }).toEqual({ line, status: 0, output });
    }
    expect(readFileSync(join(folder, 'somewhere/node_modules/commander/package.json'), 'utf8')).toContain(
      'commander',
    );
  });
});
