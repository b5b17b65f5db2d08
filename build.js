// Builds dist/: one bundle per thread (esbuild, shared code in chunks), the library's types (tsc) and
// the manual page. Bundling keeps cold start low: commander and ora load in a fraction of the time of
// their many files. Native and worker-spawning packages stay external and load when they are first used.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const { dependencies, optionalDependencies, version } = JSON.parse(readFileSync('package.json', 'utf8'));

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: [...Object.keys(dependencies), ...Object.keys(optionalDependencies)],
  // CommonJS packages inside the bundle (commander) ask for node's own modules through require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
  // Less to parse at every start. Names stay, for profiles.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
};

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  metafile: true,
  entryPoints: {
    index: 'src/index.ts',
    cli: 'src/cli/main.ts',
    'pack-worker': 'src/pack/worker.ts',
    'writer-thread': 'src/pack/writer-thread.ts',
    'read-worker': 'src/read/worker.ts',
  },
  outdir: 'dist',
  splitting: true,
  chunkNames: 'chunk-[hash]',
  legalComments: 'linked',
  ...common,
});
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
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', `${licenses.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});

// The manual page is of the definitions of the commands, as the help is. Its maker stays here.
const maker = 'dist/manual.js';
await build({ ...common, entryPoints: ['src/cli/man/page.ts'], outfile: maker });
const { manualPage } = await import(pathToFileURL(maker).href);
rmSync(maker);
const released = readFileSync('CHANGELOG.md', 'utf8').match(/^## (\S+) \((\d{4}-\d\d-\d\d)\)$/m);
mkdirSync('dist/man');
writeFileSync('dist/man/znip.1', manualPage(released?.[1] === version ? released[2] : undefined));
