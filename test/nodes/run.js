// The built program and the library on other versions of Node.js, which the npm package `node` brings: the oldest that is
// supported, each line since, and the newest. `npm run nodes -- 24` takes those that are named.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = ['20.16.0', '22', '24', 'latest'];
const project = fileURLToPath(new URL('../..', import.meta.url));
const program = join(project, 'bin/znip.cjs');
const directory = mkdtempSync(join(tmpdir(), 'znip-nodes-'));
const asked = process.argv.slice(2);

/** The newest Node.js of a line. */
function install(version) {
  const place = join(directory, version);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{"private":true}');
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--silent', `node@${version}`], {
    cwd: place,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(place, 'node_modules/node/bin/node');
}

function check(node) {
  const place = mkdtempSync(join(directory, 'run-'));
  mkdirSync(join(place, 'tree/sub'), { recursive: true });
  writeFileSync(join(place, 'tree/é'), 'text');
  writeFileSync(
    join(place, 'tree/sub/large'),
    Buffer.alloc(20_000_000, 'An archive is what comes out of it. '),
  );
  mkdirSync(join(place, 'node_modules'));
  symlinkSync(project, join(place, 'node_modules/znip'));
  const run = (args, codec = 'auto') => {
    const env = { ...process.env, ZNIP_CORE: codec };
    const { status, stdout, stderr } = spawnSync(node, args, { cwd: place, env, encoding: 'utf8' });
    // Warnings of Node.js itself would be on standard error, too.
    if (status !== 0 || stderr !== '') throw new Error(`${args.join(' ')}: status ${status}\n${stderr}`);
    return stdout;
  };
  for (const codec of ['auto', 'portable']) {
    run([program, 'pack', '-q', 'tree', '-o', `${codec}.znip`, '-j', '2', '--chunk-size', '1M'], codec);
    for (const reader of ['auto', 'portable']) {
      run([program, 'verify', '-q', `${codec}.znip`], reader);
      run([program, 'unpack', '-q', `${codec}.znip`, '-C', `${codec}-${reader}`, '-j', '2'], reader);
      execFileSync('diff', ['-r', 'tree', `${codec}-${reader}/tree`], { cwd: place });
    }
  }
  const list =
    '(async () => { for await (const { path } of (await z.open("auto.znip")).entries()) console.log(path); })()';
  const names = 'tree\ntree/sub\ntree/sub/large\ntree/é\n';
  const required = run(['-e', `const z = require('znip'); ${list}`]);
  const imported = run(['--input-type=module', '-e', `import * as z from 'znip'; ${list}`]);
  if (required !== names || imported !== names)
    throw new Error(`the library lists ${required} and ${imported}`);
}

try {
  for (const version of asked.length > 0 ? asked : VERSIONS) {
    const node = install(version);
    const found = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    check(node);
    console.log(`Node.js ${found}: packs, verifies, unpacks, is required and imported`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
