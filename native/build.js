// Builds the native core with cargo, for this machine, to dist/core/. Without it znip is portable, so what is in the way is
// said in one line, and is no failure; ZNIP_CORE=native makes it one.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** A registry that does not answer must not hold up an installation. */
const IMPATIENT = { CARGO_NET_RETRY: '1', CARGO_HTTP_TIMEOUT: '10', CARGO_TERM_COLOR: 'never' };

/** @param {string[]} args */
function cargo(args) {
  return spawnSync('cargo', args, {
    cwd: here,
    encoding: 'utf8',
    env: { ...process.env, ...IMPATIENT },
    maxBuffer: 64 * 1024 * 1024,
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
  const { error, status, stderr } = cargo([
    'build',
    '--release',
    '--locked',
    '--quiet',
    '--package',
    'znip-node',
  ]);
  if (error !== undefined)
    return error.code === 'ENOENT' ? 'cargo is not installed' : `cargo: ${error.message}`;
  if (status !== 0) return reasonIn(stderr);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(here, 'target/release', libraryName()), join(folder, binaryName()));
  return undefined;
}

/** The first error that cargo or the compiler printed. */
function reasonIn(output) {
  const lines = output.split('\n').map((line) => line.trim());
  return (
    lines.find((line) => line.startsWith('error')) ?? lines.find((line) => line !== '') ?? 'cargo failed'
  );
}
