// Builds dist/: one bundle per thread (esbuild, shared code in chunks) with a source map beside it, the library's types
// (tsc) and the manual page. Bundling keeps cold start low: commander, ora and apache-arrow load in a fraction of the
// time of their many files (apache-arrow in 14 ms of CPU time, not 62), and CommonJS does without Node.js's loader of ES
// modules, which would start in each process and in each of its threads. Native and worker-spawning packages stay
// external and load when they are first used.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, transform } from 'esbuild';
import { buildCore, coreLicenses } from './native/build.js';

const { dependencies, version } = JSON.parse(readFileSync('package.json', 'utf8'));

const common = {
  platform: 'node',
  target: 'node20',
  // Less to parse at every start. Names stay, for profiles.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
};

const external = Object.keys(dependencies);

/** What is a program or a thread of its own. */
const STARTED = {
  cli: 'src/cli/main.ts',
  'pack-worker': 'src/pack/chunk/worker.ts',
  'writer-thread': 'src/pack/write/writer-thread.ts',
  'decode-worker': 'src/blocks/decode-worker.ts',
  'extract-worker': 'src/unpack/extract-worker.ts',
};

/** Commander can run commands that are programs of their own. None is, and what starts them takes longer to load than it. */
const noChildProcesses = {
  name: 'no-child-processes',
  /** @param {import('esbuild').PluginBuild} bundler */
  setup(bundler) {
    const namespace = 'empty';
    bundler.onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      importer.includes('/node_modules/commander/') ? { path, namespace } : undefined,
    );
    bundler.onLoad({ filter: /./, namespace }, () => ({ contents: 'module.exports = {};' }));
  },
};

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');

const missing = buildCore('dist/core');
if (missing !== undefined) {
  console.error(`znip: built without its native core, so it is slower: ${missing}`);
  if (process.env['ZNIP_CORE'] === 'native') process.exit(1);
}

// Code that threads share can be split off where it is ES modules only, so these are made first.
const { metafile, outputFiles } = await build({
  ...common,
  metafile: true,
  write: false,
  bundle: true,
  format: 'esm',
  entryPoints: {
    index: 'src/index.ts',
    // What the tests reach: no part of the package.
    internal: 'src/internal.ts',
    ...Object.fromEntries(Object.entries(STARTED).map(([name, source]) => [`${name}.main`, source])),
  },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  splitting: true,
  chunkNames: 'chunk-[hash]',
  // Within the text, where the next step takes it from.
  sourcemap: 'inline',
  sourcesContent: false,
  legalComments: 'linked',
  plugins: [noChildProcesses],
  external,
});
for (const { path, text } of outputFiles) {
  if (!path.endsWith('.cjs')) {
    writeFileSync(path, text);
    continue;
  }
  const { code, map } = await toCommonJs(text, basename(path));
  const name = `${basename(path)}.map`;
  writeFileSync(path, `${code}//# sourceMappingURL=${name}\n`);
  writeFileSync(`${path}.map`, map);
}

/**
 * @param {string} text
 * @param {string} sourcefile
 */
function toCommonJs(text, sourcefile) {
  return transform(text, {
    ...common,
    format: 'cjs',
    // Read only when a stack is shown to somebody.
    sourcemap: 'external',
    sourcesContent: false,
    sourcefile,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'module.url' },
    banner: text.includes('import.meta.url')
      ? "Object.defineProperty(module,'url',{get:()=>require('node:url').pathToFileURL(__filename).href});"
      : '',
  });
}

// What is started loads its bundles by `start.cjs`, from compiled code where there is some for this version of Node.js.
cpSync('start.cjs', 'dist/start.cjs');
for (const name of Object.keys(STARTED)) {
  writeFileSync(`dist/${name}.cjs`, `module.exports = require('./start.cjs').load('${name}.main.cjs');\n`);
}
execFileSync(process.execPath, ['dist/start.cjs'], { stdio: ['ignore', 'ignore', 'inherit'] });

// The library for `import`.
for (const name of ['index', 'internal'])
  writeFileSync(`dist/${name}.js`, `export * from './${name}.cjs';\n`);

// Which modules are in which bundle, for the tests of what a command loads: it stays here.
const modules = Object.entries(metafile.outputs).map(([file, { inputs }]) => [
  file.replace('dist/', ''),
  Object.keys(inputs),
]);
writeFileSync('dist/modules.json', JSON.stringify(Object.fromEntries(modules)));
// Whoever gets the bundles gets the licenses of what is in them.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  ),
);
const licenses = [...packages].sort().map((name) => {
  const directory = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const files = readdirSync(directory).filter((file) => /^(?:licen[cs]e|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(join(directory, file), 'utf8').trim());
  return [`${name} ${version} (${license})`, ...texts].join('\n\n');
});
if (missing === undefined) licenses.push(...coreLicenses());
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', `${licenses.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
keepTypes('index.d.ts');

/** Keeps the types that a module needs, once for `import` and once for `require`, which TypeScript tells apart by folder. */
function keepTypes(module) {
  const needed = new Set([module]);
  for (const file of needed) {
    const text = readFileSync(join('dist/types', file), 'utf8');
    for (const [, path] of text.matchAll(/(?:from |import\()'(\.[^']+)\.ts'/g)) {
      needed.add(join(dirname(file), `${path}.d.ts`));
    }
  }
  renameSync('dist/types', 'dist/all-types');
  for (const [folder, type] of [
    ['dist/types', 'module'],
    ['dist/types/commonjs', 'commonjs'],
  ]) {
    for (const file of needed) cpSync(join('dist/all-types', file), join(folder, file));
    writeFileSync(join(folder, 'package.json'), `{ "type": "${type}" }\n`);
  }
  rmSync('dist/all-types', { recursive: true });
}

// The manual page is of the definitions of the commands, as the help is. Its maker stays here.
const maker = 'dist/manual.cjs';
await build({
  ...common,
  bundle: true,
  entryPoints: ['src/cli/man/page.ts'],
  outfile: maker,
  // Of what packs and unpacks, which the page does not run.
  logOverride: { 'empty-import-meta': 'silent' },
});
const { manualPage } = await import(pathToFileURL(maker).href);
rmSync(maker);
const released = readFileSync('CHANGELOG.md', 'utf8').match(/^## (\S+) \((\d{4}-\d\d-\d\d)\)$/m);
mkdirSync('dist/man');
writeFileSync('dist/man/znip.1', manualPage(released?.[1] === version ? released[2] : undefined));
