// Builds the native core with cargo, for this machine, to dist/core/. Without it znip is portable, so what is in the way is
// said in one line, and is no failure; ZNIP_CORE=native makes it one.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** A registry that does not answer must not hold up an installation. */
const IMPATIENT = { CARGO_NET_RETRY: '1', CARGO_HTTP_TIMEOUT: '10', CARGO_TERM_COLOR: 'never' };

/** The packages that it takes may have to be fetched; compiling takes a minute or two where nothing is compiled yet. */
const FETCH_MS = 60_000;

/**
 * @param {string[]} args
 * @param {number} [timeout] in milliseconds
 */
function cargo(args, timeout) {
  return spawnSync('cargo', args, {
    cwd: here,
    encoding: 'utf8',
    env: { ...process.env, ...IMPATIENT },
    maxBuffer: 64 * 1024 * 1024,
    timeout,
  });
}

/** The name of the binary says what it is for; `src/core/core.ts` looks for it. */
function binaryName() {
  const { platform, arch } = process;
  if (platform !== 'linux') return `znip-${platform}-${arch}.node`;
  const isGnu = process.report.getReport().header.glibcVersionRuntime !== undefined;
  return `znip-linux-${arch}-${isGnu ? 'gnu' : 'musl'}.node`;
}

/** What cargo calls it. */
function libraryName() {
  if (process.platform === 'win32') return 'znip_node.dll';
  return process.platform === 'darwin' ? 'libznip_node.dylib' : 'libznip_node.so';
}

/** Builds the core into a folder. Returns why there is none; undefined if there is one. */
export function buildCore(folder) {
  // By itself first: a registry that cannot be reached is found out at once, and not between two packages.
  const fetched = failureOf(cargo(['fetch', '--locked', '--quiet'], FETCH_MS));
  if (fetched !== undefined) return fetched;
  const built = failureOf(
    cargo(['build', '--release', '--locked', '--offline', '--quiet', '--package', 'znip-node']),
  );
  if (built !== undefined) return built;
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(here, 'target/release', libraryName()), join(folder, binaryName()));
  return undefined;
}

/**
 * Why a run of cargo failed, in one line; undefined if it did not.
 *
 * @param {import('node:child_process').SpawnSyncReturns<string>} run
 */
function failureOf({ error, status, stderr }) {
  const code = error?.code;
  if (code === 'ENOENT') return 'cargo is not installed';
  if (code === 'ETIMEDOUT') return 'cargo does not reach its registry';
  if (error !== undefined) return `cargo: ${error.message}`;
  return status === 0 ? undefined : reasonIn(stderr);
}

/** The first error that cargo or the compiler printed. */
function reasonIn(output) {
  const lines = output.split('\n').map((line) => line.trim());
  return (
    lines.find((line) => line.startsWith('error')) ?? lines.find((line) => line !== '') ?? 'cargo failed'
  );
}

/** The crates that the core is linked with, each with its licence texts. */
export function coreLicenses() {
  const filter = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)?.[1] ?? '';
  const metadata = cargo([
    'metadata',
    '--format-version',
    '1',
    '--locked',
    '--offline',
    '--filter-platform',
    filter,
  ]);
  const { packages, resolve } = JSON.parse(metadata.stdout);
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const found = new Map(packages.map((one) => [one.id, one]));
  const linked = new Set([packages.find(({ name }) => name === 'znip-node').id]);
  for (const id of linked) {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      // What runs while it is compiled is not in it.
      const isMacro = found.get(pkg).targets.some(({ kind }) => kind.includes('proc-macro'));
      if (!isMacro && kinds.some(({ kind }) => kind === null)) linked.add(pkg);
    }
  }
  return [...linked]
    .map((id) => found.get(id))
    .filter(({ source }) => source !== null)
    .flatMap((one) => licensesOf(one));
}

/** Of a crate, and of the C library that it may bring: zstd's own licence is beside its sources. */
function licensesOf({ name, version, license, manifest_path: manifest }) {
  const folder = dirname(manifest);
  const own = [`${name} ${version} (${license})`, ...textsIn(folder)].join('\n\n');
  if (name !== 'zstd-sys') return [own];
  return [
    own,
    [`zstd ${version.split('zstd.')[1]} (BSD-3-Clause)`, ...textsIn(join(folder, 'zstd'))].join('\n\n'),
  ];
}

function textsIn(folder) {
  return readdirSync(folder)
    .filter((file) => /^(?:licen[cs]e|notice|copying$)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = buildCore(process.argv[2] ?? 'core');
  if (missing !== undefined) {
    console.error(missing);
    process.exit(1);
  }
}
