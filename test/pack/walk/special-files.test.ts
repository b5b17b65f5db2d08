/**
 * What is neither file, directory nor link, what does not say how long it is, and what packs leave behind.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isTemporaryName, temporaryName } from '../../../src/io/temporary-name.ts';
import { run, startZnip, ZNIP, znip } from '../../support/run.ts';
import { noise, temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const at = (name: string): string => join(directory, name);
const HOLDS = 'and an archive holds files, directories and links';
const NODE = `'${process.execPath}' '${ZNIP}'`;

const bash = (script: string): ReturnType<typeof run> => run('bash', ['-c', script], here);

describe('named', () => {
  test('a FIFO and a device are left out, by name, with status 3 and what to do', () => {
    run('mkfifo', [at('fifo')]);
    const { status, stderr } = znip(['pack', '-q', 'fifo', '/dev/zero', '-o', 'none.znip'], here);
    expect(stderr).toContain('znip: fifo: left out');
    expect(status).toBe(3);
    const loud = znip(['pack', 'fifo', '/dev/zero', '-o', 'none.znip'], here);
    const remedy = '--read-special packs what is read from it as a file';
    expect(loud.stderr).toContain(`znip: fifo: left out: it is a FIFO, ${HOLDS}; ${remedy}\n`);
    expect(loud.stderr).toContain(`znip: /dev/zero: left out: it is a device, ${HOLDS}; ${remedy}\n`);
    expect(znip(['ls', 'none.znip'], here).stdout).toBe('');
  });

  test('with --read-special, a FIFO is what comes out of it', () => {
    run('mkfifo', [at('small'), at('large')]);
    writeFileSync(at('bytes'), noise(3_000_000));
    writeFileSync(at('after'), 'after');
    const packed = bash(
      `echo text >small & cat bytes bytes bytes >large & ` +
        `${NODE} pack --read-special small large /dev/null after -o read.znip --chunk-size 1M -j2`,
    );
    expect(packed.stderr).toMatch(/^packed 4 members/);
    expect(packed.status).toBe(0);
    expect(znip(['verify', '-q', 'read.znip'], here).status).toBe(0);
    expect(znip(['ls', 'read.znip'], here).stdout).toBe('small\nlarge\ndev/null\nafter\n');
    expect(znip(['cat', 'read.znip', 'small'], here).stdout).toBe('text\n');
    expect(znip(['cat', 'read.znip', 'dev/null'], here).stdout).toBe('');
    expect(
      znip(['cat', 'read.znip', 'large'], here).output.equals(
        Buffer.alloc(9_000_000, readFileSync(at('bytes'))),
      ),
    ).toBe(true);
    expect(znip(['ls', '-l', 'read.znip', 'small'], here).stdout).toMatch(/^-rw/);
  });

  test('--dry-run lists it and does not read it', () => {
    const { status, stdout } = znip(['pack', '--read-special', '--dry-run', '-q', 'fifo'], here);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'fifo\n' });
  });

  test('a FIFO that nobody writes to can be interrupted', async () => {
    const child = startZnip(['pack', '--read-special', 'fifo', '-o', 'x.znip'], here);
    setTimeout(() => child.kill('SIGINT'), 1000);
    const status = await new Promise((resolve) => child.once('exit', resolve));
    expect(status).toBe(130);
    expect(existsSync(at('x.znip'))).toBe(false);
  });
});

describe.skipIf(!existsSync('/proc/version'))('files whose size is 0, and which have content', () => {
  test('are named and left out, with status 3', () => {
    const { status, stderr } = znip(['pack', '/proc/version', '-o', 'proc.znip'], here);
    expect(stderr).toContain('/proc/version: it has content, but its size is 0');
    expect(stderr).toContain('--read-special');
    expect(status).toBe(3);
    expect(znip(['ls', 'proc.znip'], here).stdout).toBe('');
  });

  test('with --read-special, are packed whole', () => {
    const { status } = znip(['pack', '-q', '--read-special', '/proc/version', '-o', 'proc.znip'], here);
    expect(status).toBe(0);
    expect(znip(['cat', 'proc.znip', 'proc/version'], here).stdout).toBe(
      readFileSync('/proc/version', 'utf8'),
    );
  });
});

describe('archives that are not complete', () => {
  test('are known by their names', () => {
    for (const name of ['a.znip', 'a'.repeat(255), '\u8a9e'.repeat(80)]) {
      const temporary = temporaryName(name);
      expect(isTemporaryName(Buffer.from(temporary).toString('latin1'))).toBe(true);
      expect(Buffer.byteLength(temporary)).toBeLessThanOrEqual(255);
    }
    for (const name of ['.a.tmp', '.a.znip-12-1-a-0.tmp', 'a.znip-00000000-1-a-0.tmp', '.a.znip.tmp']) {
      expect(isTemporaryName(name)).toBe(false);
    }
  });

  test('are not packed, and the next pack to the same name removes what a killed one left', async () => {
    mkdirSync(at('left'));
    writeFileSync(at('left/f'), 'f');
    const child = startZnip(['pack', '--name', 'x', '-', '-o', 'left/out.znip'], here);
    let temporary: string | undefined;
    while (temporary === undefined) {
      temporary = readdirSync(at('left')).find((name) => isTemporaryName(name));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // One that is being written, too, is no member; and it stays.
    const other = znip(['pack', 'left', '-o', 'other.znip'], here);
    expect(other.status).toBe(0);
    expect(other.stderr).toContain(`left/${temporary}: left out: an archive that is not complete`);
    expect(znip(['ls', 'other.znip'], here).stdout).toBe('left\nleft/f\n');
    expect(znip(['pack', '-q', 'bytes', '-o', 'left/out.znip'], here).status).toBe(0);
    expect(readdirSync(at('left'))).toContain(temporary);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    // One of another machine, and one of another archive, are left alone.
    const elsewhere = temporary.replace(/znip-[0-9a-f]{8}/, 'znip-00000000');
    writeFileSync(at(`left/${elsewhere}`), '');
    renameSync(at('left/f'), at(`left/${temporary.replace('.out', '.not')}`));
    expect(znip(['pack', '-q', 'bytes', '-o', 'left/out.znip'], here).status).toBe(0);
    expect(readdirSync(at('left')).sort()).toEqual(
      [elsewhere, temporary.replace('.out', '.not'), 'out.znip'].sort(),
    );
  });
});

describe('the archive that is replaced', () => {
  test('is left out where a glob names it among others', () => {
    mkdirSync(at('glob'));
    for (const name of ['a', 'b', 'out.znip']) writeFileSync(at(`glob/${name}`), name);
    symlinkSync('out.znip', at('glob/latest'));
    for (const form of [`*`, `-T list`]) {
      writeFileSync(at('glob/list'), 'a\nb\nlatest\nlist\nout.znip\n');
      const { status, stderr } = run('bash', ['-c', `${NODE} pack ${form} -o out.znip`], { cwd: at('glob') });
      expect(stderr).toMatch(
        /^znip: out\.znip: left out: it is the archive that is written\npacked 4 members/,
      );
      expect(status).toBe(0);
      expect(znip(['ls', 'glob/out.znip'], here).stdout).toBe('a\nb\nlatest\nlist\n');
    }
  });

  test('is refused where nothing else is named', () => {
    const before = readFileSync(at('glob/out.znip'));
    writeFileSync(at('glob/list'), 'out.znip\n');
    for (const args of [['out.znip'], ['-T', 'list'], ['out.znip', './out.znip']]) {
      const { status } = znip(['pack', '-q', ...args, '-o', 'out.znip'], { cwd: at('glob') });
      expect(status).toBe(2);
    }
    expect(readFileSync(at('glob/out.znip')).equals(before)).toBe(true);
    expect(spawnSync('ls', ['-A', at('glob')]).stdout.toString()).not.toContain('.tmp');
  });
});
