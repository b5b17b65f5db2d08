// The package as npm installs it, by each npm that is named (`npm run installs -- 11`), else by those of the supported lines of
// Node.js: without optional packages, for all users with its manual page, and from git, which npm spoils without --install-links.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const VERSIONS = ['10', '11'];
const project = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'znip-installs-'));
const asked = process.argv.slice(2);
const QUIET = ['--no-audit', '--no-fund', '--silent'];

/** @param {string} command @param {readonly string[]} args @param {object} [options] */
function run(command, args, options) {
  return execFileSync(command, args, { cwd: directory, encoding: 'utf8', ...options });
}

/** That npm, as a file for node. @param {string} version */
function npmOf(version) {
  const place = makeProject(`npm-${version}`);
  run('npm', ['install', '--no-save', ...QUIET, `npm@${version}`], { cwd: place });
  return join(place, 'node_modules/npm/bin/npm-cli.js');
}

/** A Node.js that has zstd itself. */
function newNode() {
  const place = makeProject('node');
  run('npm', ['install', '--no-save', ...QUIET, 'node@22'], { cwd: place });
  return join(place, 'node_modules/node/bin/node');
}

/** @param {string} name */
function makeProject(name) {
  const place = join(directory, name);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{"private":true}');
  return place;
}

/**
 * Without scripts, it uses the native core that the tarball carries. Without that and without optional packages, those of the
 * portable codec are missing: Node.js has to have zstd, or znip says what is wrong.
 *
 * @param {string} npm @param {string} version @param {string} tarball @param {string} node
 */
function checkOmitted(npm, version, tarball, node) {
  const place = makeProject(`omit-${version}`);
  run(process.execPath, [npm, 'install', '--omit=optional', '--ignore-scripts', ...QUIET, tarball], {
    cwd: place,
  });
  const znip = join(place, 'node_modules/znip/bin/znip.cjs');
  const there = (/** @type {string} */ program) => {
    run(program, [znip, 'pack', '-q', 'tree', '-o', `${version}.znip`]);
    run(program, [znip, 'unpack', '-q', `${version}.znip`, '-C', `out-${version}`]);
    run('diff', ['-r', 'tree', `out-${version}/tree`]);
    rmSync(join(directory, `out-${version}`), { recursive: true });
    return run(program, [znip, '--version', '-v']);
  };
  for (const program of [node, process.execPath]) {
    const found = there(program);
    if (!found.includes('core: native\n')) throw new Error(`the core of the tarball is not used: ${found}`);
  }
  rmSync(join(place, 'node_modules/znip/dist/core'), { recursive: true });
  const found = there(node);
  if (!found.includes('core: portable (')) throw new Error(`without a core: ${found}`);
  if (typeof zlib.zstdCompressSync === 'function') return;
  const { status, stderr } = spawnSync(process.execPath, [znip, 'pack', 'tree', '-o', 'none.znip'], {
    cwd: directory,
    encoding: 'utf8',
  });
  if (status !== 1 || !stderr.includes('no zstd package loads'))
    throw new Error(`without any codec: status ${status}\n${stderr}`);
}

/** For all users. @param {string} npm @param {string} version @param {string} tarball */
function checkGlobal(npm, version, tarball) {
  const prefix = join(directory, `prefix-${version}`);
  run(process.execPath, [npm, 'install', '-g', '--prefix', prefix, '--ignore-scripts', ...QUIET, tarball]);
  run(join(prefix, 'bin/znip'), ['pack', '-q', 'tree', '-o', `global-${version}.znip`]);
  const manual = readFileSync(join(prefix, 'share/man/man1/znip.1'), 'utf8');
  if (!manual.includes('.SH')) throw new Error('the manual page is none');
  if (spawnSync('man', ['--version']).status !== 0) return;
  run('man', ['-w', 'znip'], { env: { PATH: process.env['PATH'], MANPATH: join(prefix, 'share/man') } });
}

/** npm would leave a dangling link and call that success: prepare.js says what to do. @param {string} npm @param {string} version */
function checkGit(npm, version) {
  const prefix = join(directory, `git-${version}`);
  // `npm run --silent` makes every npm below it silent.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const args = [npm, 'install', '-g', '--prefix', prefix, ...quiet, `git+file://${project}`];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
  if (status === 0 || !stderr.includes('use `npm install --global --install-links git+'))
    throw new Error(`from git: status ${status}\n${stderr}`);
}

try {
  mkdirSync(join(directory, 'tree/sub'), { recursive: true });
  writeFileSync(join(directory, 'tree/é'), 'text');
  writeFileSync(join(directory, 'tree/sub/large'), Buffer.alloc(20_000_000, 'What comes out of it. '));
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], { cwd: project }),
  );
  const node = newNode();
  for (const version of asked.length > 0 ? asked : VERSIONS) {
    const npm = npmOf(version);
    const found = run(process.execPath, [npm, '--version']).trim();
    const tarball = join(directory, filename);
    checkOmitted(npm, version, tarball, node);
    checkGlobal(npm, version, tarball);
    checkGit(npm, version);
    console.log(
      `npm ${found}: installs without scripts and optional packages and uses the native core, for all users with the manual page, and says what git takes`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
