/**
 * Programs that are bundled with esbuild, as docs/library.md tells how.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions } from 'esbuild';
import { beforeAll, expect, test } from 'vitest';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(project, 'docs/library.md'), 'utf8');
const { dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const packages = Object.keys(dependencies);
const directory = temporaryDirectory();

/** Enough for threads. */
const MEMBERS = 1500;

const PROGRAM = `
import { extract, pack, verify } from 'znip';
async function main() {
  const inputs = Array.from({ length: ${MEMBERS} }, (_, i) => ({ path: 'f' + i, content: 'x'.repeat(6000) }));
  await pack(inputs, { output: 'made.znip', threads: 2 });
  const { ok } = await verify('made.znip', { threads: 2 });
  const { members } = await extract('made.znip', 'out', { threads: 2, existing: 'overwrite' });
  console.log(ok, members);
}
main();
`;

beforeAll(() => {
  for (const name of ['znip', ...packages]) {
    mkdirSync(join(directory, 'node_modules', name, '..'), { recursive: true });
    symlinkSync(
      name === 'znip' ? project : join(project, 'node_modules', name),
      join(directory, 'node_modules', name),
    );
  }
  writeFileSync(join(directory, 'app.js'), PROGRAM);
});

async function bundle(name: string, options: BuildOptions): Promise<string> {
  const outfile = join(directory, name, 'app.' + (options.format === 'esm' ? 'mjs' : 'cjs'));
  await build({
    entryPoints: [join(directory, 'app.js')],
    bundle: true,
    platform: 'node',
    target: 'node20',
    outfile,
    logLevel: 'error',
    ...options,
  });
  return outfile;
}

function ran(outfile: string): ReturnType<typeof run> {
  return run(process.execPath, [outfile], { cwd: join(outfile, '..') });
}

test.each(['cjs', 'esm'] as const)('with znip left outside: %s', async (format) => {
  expect(ran(await bundle(`outside-${format}`, { format, external: ['znip'] })).stdout).toBe(
    `true ${MEMBERS}\n`,
  );
});

/** What the page says has to lie beside a bundle: names, and patterns. */
const BESIDE = ['*-worker.cjs', 'writer-thread.cjs', '*.main.cjs', 'chunk-*.cjs', 'start.cjs'];

test.each(['cjs', 'esm'] as const)(
  'with znip in the bundle and its threads beside it: %s',
  async (format) => {
    const banner = /--banner:js="([^"]+)"/.exec(page)?.[1] ?? '';
    for (const name of packages) expect(page).toContain(`--external:${name}`);
    for (const name of BESIDE) expect(page).toContain(name);
    const outfile = await bundle(`inside-${format}`, {
      format,
      external: packages,
      ...(format === 'esm' ? { banner: { js: banner } } : {}),
    });
    expect(ran(outfile).stderr).toMatch(/(?:-worker|writer-thread)\.cjs/);
    const patterns = BESIDE.map((pattern) => new RegExp(`^${pattern.replace('*', '.+')}$`));
    for (const name of readdirSync(join(project, 'dist'))) {
      if (patterns.some((pattern) => pattern.test(name)))
        cpSync(join(project, 'dist', name), join(outfile, '..', name));
    }
    const { stdout, stderr } = ran(outfile);
    expect({ stdout, stderr }).toEqual({ stdout: `true ${MEMBERS}\n`, stderr: '' });
  },
);
