/**
 * Silence means success of everything that was asked (docs/exit-status.md): every kind of loss in every command, with and
 * without -q. What is lost is named on standard error both ways, and the status is the same.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks, run, znip, ZNIP } from '../support/run.ts';
import { tarMember } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const root = process.getuid?.() === 0;
const AS_NOBODY = root ? 'setpriv --reuid=65534 --regid=65534 --clear-groups ' : '';

beforeAll(() => {
  chmodSync(directory, 0o777);
  for (const name of ['whole', 'closed', 'special', 'future', 'far']) mkdirSync(at(name));
  for (const name of ['whole', 'closed', 'special', 'future']) writeFileSync(at(`${name}/a`), noise(100_000));
  writeFileSync(at('closed/b'), 'secret', { mode: 0 });
  run('mkfifo', ['special/fifo'], here);
  run('touch', ['-d', '2300-01-01', 'future/a'], here);
  expect(znip(['pack', '-q', 'whole', '-o', 'whole.znip', '--chunk-size', '64K'], here).status).toBe(0);
  const bytes = readFileSync(at('whole.znip'));
  bytes[80_000] = (bytes[80_000] ?? 0) ^ 1;
  writeFileSync(at('bad.znip'), bytes);
  writeFileSync(at('cut.znip'), bytes.subarray(0, 75_000));
  writeFileSync(at('junk'), 'junk');
  // A device, which no index has, and a link whose target leads out.
  const end = Buffer.alloc(1024);
  const fifo = tarMember({ name: 'fifo', typeFlag: '6' });
  writeFileSync(
    at('odd.tar'),
    Buffer.concat([tarMember({ name: 'f', content: Buffer.from('f') }), fifo, end]),
  );
  writeFileSync(at('evil.tar'), Buffer.concat([tarMember({ name: '../f', content: Buffer.from('f') }), end]));
  znip(['pack', '-q', '--tar', 'odd.tar', '-o', 'odd.znip'], here);
  znip(['pack', '-q', '--tar', 'evil.tar', '-o', 'evil.znip'], here);
  mkdirSync(at('taken/whole'), { recursive: true });
  writeFileSync(at('taken/whole/a'), 'mine');
  chmodSync(at('taken/whole'), 0o777);
  utimesSync(at('far'), -100, -100);
});

/** A command, which may name OUT; the status; what standard error must name. */
type Loss = [kind: string, command: string, status: number, names: RegExp];

const QUIET: readonly Loss[] = [
  [
    'a file that cannot be read',
    `${AS_NOBODY}ZNIP pack closed -o OUT/x.znip`,
    3,
    /closed\/b: permission denied/,
  ],
  ['a FIFO', 'ZNIP pack special -o OUT/x.znip', 3, /special\/fifo: left out: it is a FIFO/],
  ['a FIFO, to be listed', 'ZNIP pack --dry-run special', 3, /special\/fifo: left out: it is a FIFO/],
  ['a time out of range', 'ZNIP pack future -o OUT/x.znip', 3, /future\/a: its modification time/],
  [
    'a time out of range, given',
    'ZNIP pack whole --mtime 2300-01-01 -o OUT/x.znip',
    2,
    /--mtime '2300-01-01'/,
  ],
  [
    'a name in a list that is not there',
    'echo gone | ZNIP pack -T - whole -o OUT/x.znip',
    3,
    /gone: no such file/,
  ],
  ['what no index has', 'ZNIP pack --tar odd.tar -o OUT/x.znip', 3, /fifo/],
  ['a name that is refused', 'ZNIP pack --tar evil.tar -o OUT/x.znip', 3, /\.\.\/f/],
  ['a tar that is cut', 'head -c 700 odd.tar | ZNIP pack --tar - -o OUT/x.znip', 4, /standard input/],
  ['an unreadable tar', 'ZNIP pack --tar junk -o OUT/x.znip', 4, /junk/],
  ['a member that is in no index', 'ZNIP unpack odd.znip -C OUT', 3, /fifo/],
  ['the same, from a pipe', 'ZNIP unpack - -C OUT <odd.znip', 3, /fifo/],
  ['a FIFO of others', 'ZNIP unpack odd.tar -C OUT', 3, /fifo/],
  ['a pattern that nothing matches', 'ZNIP unpack whole.znip whole nothing -C OUT', 3, /matches 'nothing'/],
  ['names that exist', 'ZNIP unpack whole.znip -C taken', 1, /whole\/a/],
  ['damage', 'ZNIP unpack bad.znip -C OUT', 4, /blob \d/],
  ['damage, going on', 'ZNIP unpack --keep-going bad.znip -C OUT', 4, /'whole\/a' is lost/],
  ['damage in a pipe', 'ZNIP unpack - -C OUT <bad.znip', 4, /blob \d/],
  ['damage, of the tar stream', 'ZNIP unpack --tar OUT/x.tar bad.znip', 4, /blob \d/],
  ['a name that leads out', 'ZNIP unpack evil.znip -C OUT', 4, /\.\.\/f/],
  ['the end of an archive', 'ZNIP unpack cut.znip -C OUT', 4, /cut\.znip/],
  ['what is lost', 'ZNIP recover cut.znip -C OUT', 4, /lost/],
  ['what no index has, recovered', 'ZNIP recover odd.znip -C OUT', 3, /fifo/],
  ['what is lost, repaired', 'ZNIP repair bad.znip -o OUT/x.znip', 4, /blob \d/],
  ['damage, verified', 'ZNIP verify bad.znip', 4, /damaged-blob/],
  [
    'another content',
    `ZNIP verify whole.znip --content-root ${'0'.repeat(64)}`,
    4,
    /root-mismatch.*content root/,
  ],
  ['another root', `ZNIP verify whole.znip --root ${'0'.repeat(64)}`, 4, /root-mismatch/],
  ['what tar programs read differently', 'ZNIP verify odd.znip', 3, /fifo/],
  ['the same, by the index', 'ZNIP verify --quick odd.znip', 3, /fifo/],
  [
    'a file that cannot be compared',
    `${AS_NOBODY}ZNIP diff closed.znip closed`,
    3,
    /closed\/b: permission denied/,
  ],
  ['what cannot be compared', 'ZNIP diff special.znip special', 3, /special\/fifo: not compared/],
  ['what is in no index', 'ZNIP diff odd.znip OUT/..', 3, /fifo/],
];

/** Of commands that have no -q. */
const LOUD: readonly Loss[] = [
  ['a member that is in no index', 'ZNIP ls odd.znip', 3, /fifo/],
  ['a pattern that nothing matches', 'ZNIP ls whole.znip whole nothing', 3, /matches 'nothing'/],
  ['the end of an archive', 'ZNIP ls cut.znip', 4, /cut\.znip/],
  ['the end of an archive', 'ZNIP info cut.znip', 4, /cut\.znip/],
  ['a name that is not there', 'ZNIP cat whole.znip nothing', 3, /no file 'nothing'/],
  ['damage', 'ZNIP cat bad.znip whole/a', 4, /blob \d/],
  ['damage, going on', 'ZNIP cat --keep-going bad.znip whole/a', 4, /'whole\/a'/],
];

beforeAll(() => {
  znip(['pack', '-q', 'special', '-o', 'special.znip'], here);
  znip(['pack', '-q', 'closed', '-o', 'closed.znip'], here);
  writeFileSync(at('f'), 'f', { mode: 0o644 });
});

function lose(command: string, option: string): { status: number | null; stderr: string } {
  const out = mkdtempSync(at('out-'));
  chmodSync(out, 0o777);
  const script = command
    .replace('ZNIP', `'${process.execPath}' '${ZNIP}'`)
    .replace(/(ZNIP|\.cjs') (\w+)/, `$1 $2 ${option}`)
    .replaceAll('OUT', out);
  const { status, stderr } = run('bash', ['-c', script], here);
  return { status, stderr };
}

describe.skipIf(root && lacks('setpriv')).each(['', '-q'])('with %j', (option) => {
  test.each(QUIET)('%s: %s', (_, command, status, names) => {
    const lost = lose(command, option);
    expect(lost.stderr).toMatch(names);
    expect(lost.status).toBe(status);
  });
});

test.each(LOUD)('%s: %s', (_, command, status, names) => {
  const lost = lose(command, '');
  expect(lost.stderr).toMatch(names);
  expect(lost.status).toBe(status);
});

describe('what is done as it was asked', () => {
  test.each([
    'ZNIP pack whole -o OUT/x.znip',
    'ZNIP pack whole --mtime 1960-01-01 -o OUT/x.znip',
    'ZNIP pack far -o OUT/x.znip',
    'ZNIP unpack whole.znip -C OUT',
    'ZNIP unpack --keep-old whole.znip -C taken',
    'ZNIP recover whole.znip -C OUT',
    'ZNIP repair whole.znip -o OUT/x.znip',
    'ZNIP verify whole.znip',
    'ZNIP diff whole.znip whole',
  ])('is silent with -q: %s', (command) => {
    expect(lose(command, '-q')).toEqual({ status: 0, stderr: '' });
  });

  test('is a time before 1970, by every way', () => {
    expect(znip(['pack', '-q', 'whole', '--mtime', '1960-01-01', '-o', 'old.znip'], here).status).toBe(0);
    run(
      'bash',
      ['-c', `node '${ZNIP}' unpack -q old.znip -C index; node '${ZNIP}' unpack -q - -C pipe <old.znip`],
      here,
    );
    for (const where of ['index', 'pipe']) {
      const { stdout } = run('stat', ['-c', '%Y', `${where}/whole`, `${where}/whole/a`], here);
      expect(stdout).toBe('-315619200\n-315619200\n');
    }
  });
});
