/**
 * What the program's first lines, for sh, tell Node.js: which signals were ignored when it started, and whether standard
 * output was closed.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run, ZNIP } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const shell = (script: string): ReturnType<typeof run> => run('bash', ['-c', script], { cwd: directory });

beforeAll(() => {
  mkdirSync(at('tree'));
  writeFileSync(at('tree/file'), noise(1000));
  expect(shell(`${ZNIP} pack -q tree -o tree.znip`).status).toBe(0);
});

/** Standard input that ends when the signal has been sent, which is when znip has said what it does about SIGHUP. */
const packWhile = (signal: string, prepare = ''): ReturnType<typeof run> =>
  shell(`trap '' PIPE; ${prepare}
    mkfifo in-${signal}
    ${ZNIP} pack -q --name n -o ${signal}.znip - <in-${signal} & pid=$!
    exec 3>in-${signal}
    until grep -q '^SigCgt:.*[13579bdf]$' /proc/$pid/status; do kill -0 $pid || exit 99; sleep 0.05; done
    kill -${signal} $pid
    sleep 0.3; echo content >&3; exec 3>&-; wait $pid`);

describe.skipIf(!existsSync('/proc/self/status'))('signals that are ignored when znip starts', () => {
  test('stay ignored, by nohup and by a shell without job control', () => {
    expect(packWhile('HUP', "trap '' HUP").status).toBe(0);
    expect(existsSync(at('HUP.znip'))).toBe(true);
    expect(packWhile('INT').status, 'a command with & in a script').toBe(0);
    expect(existsSync(at('INT.znip'))).toBe(true);
  });

  test('others end it', () => {
    expect(packWhile('TERM', "trap '' HUP").status).toBe(143);
    expect(existsSync(at('TERM.znip'))).toBe(false);
  });
});

describe('closed standard output', () => {
  test.each([
    'ls tree.znip',
    'info tree.znip',
    'cat tree.znip tree/file',
    'pack tree',
    'unpack --tar - tree.znip',
  ])('%s says so', (command) => {
    const { status, stderr } = shell(`${ZNIP} ${command} >&-`);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^znip: .*standard output.*closed.*\n$/) as string,
    });
    expect(shell(`${ZNIP} ${command} >&- 2>&-`).status, 'nobody can be told').toBe(1);
    expect(shell(`${ZNIP} ${command} <&- >&- 2>&-`).status, 'nor is anything there').toBe(1);
  });

  test('is not what a parent has opened to throw it away, for reading too', () => {
    const sink = openSync('/dev/null', constants.O_RDWR);
    try {
      for (const args of [
        ['pack', '-q', 'tree'],
        ['ls', 'tree.znip'],
        ['unpack', '-q', '--tar', '-', 'tree.znip'],
      ]) {
        const stdio = ['ignore', sink, 'pipe'] as const;
        const { status, stderr } = spawnSync(ZNIP, args, { cwd: directory, stdio: [...stdio] });
        expect({ args, status, stderr: String(stderr) }).toEqual({ args, status: 0, stderr: '' });
      }
    } finally {
      closeSync(sink);
    }
  });

  test('is nothing to what writes nothing there', () => {
    expect(shell(`${ZNIP} verify -q tree.znip >&-`).status).toBe(0);
    expect(shell(`${ZNIP} unpack -q tree.znip -C out >&-`).status).toBe(0);
  });

  test('a full device is an error, and a reader of a list that leaves is none', () => {
    const { status, stderr } = shell(`${ZNIP} ls tree.znip >/dev/full`);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'znip: cannot write to standard output: no space left on the device\n',
    });
    expect(shell(`${ZNIP} ls tree.znip | true; echo "\${PIPESTATUS[0]}"`).stdout).toBe('0\n');
  });
});

/** What npm on Windows makes of the first line: npm's own module. */
const SHIM = join(realpathSync(run('which', ['npm']).stdout.trim()), '../../node_modules/cmd-shim');

test.skipIf(!existsSync(SHIM))('on Windows, npm has it started by the first sh of the PATH', async () => {
  const cmdShim = createRequire(import.meta.url)(SHIM) as (from: string, to: string) => Promise<void>;
  await cmdShim(ZNIP, at('shim/znip'));
  expect(readFileSync(at('shim/znip.cmd'), 'latin1')).toContain('SET "_prog=sh"');
  expect(readFileSync(at('shim/znip.ps1'), 'latin1')).toContain('& "sh$exe"  "$basedir/');
});
