/**
 * The folders of `src/` and what each may import: the table of docs/architecture.md, the code and the linter agree.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const project = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'znip-house-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** By folder, in the order of the table: the folders that it may import. */
const MAY_IMPORT = new Map<string, string[]>(
  readFileSync(join(project, 'docs/architecture.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, folder, , imports] = line.split('|').map((cell) => cell.trim());
      const name = /^`src\/(.+)\/`$/.exec(folder ?? '')?.[1];
      return name === undefined ? [] : [[name, (imports ?? '').split(', ').filter((one) => one !== '')]];
    }),
);
const FOLDERS = [...MAY_IMPORT.keys()];

const files = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

/** A specifier by which a file of one folder imports one of another. */
function specifier(from: string, to: string): string {
  const path = join(relative(from, to), 'probe.ts');
  return path.startsWith('.') ? path : `./${path}`;
}

it('has the folders that the table has', () => {
  const folders = new Set(files.map((file) => dirname(file)));
  folders.delete('.');
  expect([...folders].sort()).toEqual([...FOLDERS].sort());
});

it('lets each folder import only what stands above it in the table', () => {
  for (const [i, folder] of FOLDERS.entries()) {
    for (const other of MAY_IMPORT.get(folder) ?? []) expect(FOLDERS.slice(0, i), folder).toContain(other);
  }
});

it('imports what the table says, and all of it, lazily or not', () => {
  const found = new Map(FOLDERS.map((folder) => [folder, new Set<string>()]));
  for (const file of files) {
    const folder = dirname(file);
    if (folder === '.') continue;
    const text = readFileSync(join(project, 'src', file), 'utf8');
    for (const [, path = ''] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const other = dirname(join(folder, path));
      if (other !== folder && other !== '.') found.get(folder)?.add(other);
    }
  }
  for (const [folder, imports] of found) {
    expect([...imports].sort(), folder).toEqual([...(MAY_IMPORT.get(folder) ?? [])].sort());
  }
});

it('has a linter that refuses every other import, and only those', () => {
  copyFileSync(join(project, '.oxlintrc.json'), join(scratch, '.oxlintrc.json'));
  const expected: string[] = [];
  for (const folder of FOLDERS) {
    mkdirSync(join(scratch, 'src', folder), { recursive: true });
    const others = FOLDERS.filter((other) => other !== folder);
    const lines = others.map((other, i) => `export * as probe${i} from '${specifier(folder, other)}';\n`);
    writeFileSync(join(scratch, 'src', folder, 'probe.ts'), lines.join(''));
    for (const other of others) {
      if (MAY_IMPORT.get(folder)?.includes(other) !== true) expected.push(`${folder} -> ${other}`);
    }
  }
  let output = '';
  try {
    output = execFileSync(
      join(project, 'node_modules/.bin/oxlint'),
      ['-c', '.oxlintrc.json', '--format', 'json', 'src'],
      { cwd: scratch, encoding: 'utf8', maxBuffer: 1 << 28 },
    );
  } catch (error) {
    output = (error as { stdout: string }).stdout;
  }
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { code: string; message: string; filename: string }[];
  };
  const refused = diagnostics
    .filter(({ code }) => code === 'eslint(no-restricted-imports)')
    .map(({ message, filename }) => {
      const folder = dirname(filename.replace(/^.*?src\//, ''));
      const path = /'([^']+)'/.exec(message)?.[1] ?? '';
      return `${folder} -> ${dirname(join(folder, path))}`;
    });
  expect(refused.sort()).toEqual(expected.sort());
});
