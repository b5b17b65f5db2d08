/**
 * --transform and --prefix: names as GNU tar makes them of the same expressions.
 */
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { run, znip } from '../../support/run.ts';
import { noise, temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const at = (name: string): string => join(directory, name);

/** Names of a listing, without what says that one is a directory. */
function names(text: string): string[] {
  const lines = text.trim().split('\n');
  return lines.map((name) => name.replace(/\/$/, '')).sort();
}

beforeAll(() => {
  mkdirSync(at('src/a.b'), { recursive: true });
  for (const name of ['src/main.c', 'src/a.b/(x)+', 'src/a.b/aXbX', 'src/\u00e4-1'])
    writeFileSync(at(name), name);
  writeFileSync(at('src/large'), noise(300_000));
  linkSync(at('src/main.c'), at('src/same.c'));
  symlinkSync('main.c', at('src/soft.c'));
});

test.each([
  's,^src,dist,',
  's,c$,h,',
  's/[ab]/_/g',
  's/x/Z/gi',
  's,\\(.*\\)/\\(.*\\),\\2/\\1,',
  's,(\\([a-z]\\))+,<&>\\1,',
  's,([a-z])[.]([a-z]),\\2.\\1,x',
  's,[[:upper:]],_,g;s,src,out,',
  's,src/\\([a-z]\\),src/\\U\\1\\Elower,',
  's,\\.,\\\\,g',
  's|src\\|main|\\u&|',
  's,main.c,other,R',
  's,main.c,other,s',
])('%s', (expression) => {
  const { status, stderr } = znip(['pack', '-q', '--transform', expression, 'src', '-o', 'o.znip'], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(znip(['verify', '-q', 'o.znip'], here).status).toBe(0);
  const theirs = run(
    'sh',
    [
      '-c',
      'tar --sort=name --quoting-style=literal -cf - --transform "$0" src | tar --quoting-style=literal -tf -',
      expression,
    ],
    { ...here, env: { LC_ALL: 'C.UTF-8' } },
  );
  expect(names(znip(['ls', 'o.znip'], here).stdout)).toEqual(names(theirs.stdout));
});

// GNU tar 1.34 repeats the start of a name for these; sed does not.
test.each([
  ['s/X/y/2', 'src/a.b/aXby'],
  ['s/X/y/2g', 'src/a.b/aXby'],
  ['s,/,-,2', 'src/a.b-aXbX'],
])('%s makes %s', (expression, name) => {
  const args = ['pack', '--dry-run', '-q', '--transform', expression, 'src/a.b/aXbX'];
  expect(znip(args, here).stdout).toBe(`${name}\n`);
});

test('contents come from where they are, hard links follow, and -x means what is found', () => {
  const args = ['--transform', 's,^src,out,', '--prefix', 'top/x/', '-x', 'src/a.b', '--chunk-size', '64K'];
  expect(znip(['pack', '-q', ...args, 'src', '-o', 'p.znip'], here)).toMatchObject({ status: 0, stderr: '' });
  expect(znip(['unpack', '-q', 'p.znip', '-C', 'back'], here).status).toBe(0);
  expect(run('diff', ['-r', '-x', 'a.b', 'src', 'back/top/x/out'], here)).toMatchObject({
    status: 0,
    stdout: '',
  });
  expect(znip(['ls', '-l', 'p.znip', 'top/x/out/same.c'], here).stdout).toContain('link to top/x/out/main.c');
  expect(znip(['pack', '--dry-run', '-q', ...args, 'src/large'], here).stdout).toBe('top/x/out/large\n');
});

test.each([
  ['s,^src/.*,one,', /cannot be recorded as 'one': it clashes with/],
  ['s,^src$,,', /cannot be recorded as ''/],
  ['s,^,/,', /cannot be recorded as '\/src'/],
  ['s,^src/,../,', /cannot be recorded as '\.\.\/a\.b'/],
  ['s,^src/main.c,src/a.b/(x)+/f,', /it would lie below 'src\/a\.b\/\(x\)\+'/],
  ['x,a,b,', /is no --transform: it does not begin with s/],
  ['s,a,b', /is no --transform: a ',' is missing/],
  ['s,a,b,q', /is no --transform: its flags are 'q'/],
  ['s,\\(,b,', /is no --transform: /],
])('%s is refused', (expression, message) => {
  const { status, stderr } = znip(['pack', '-q', '--transform', expression, 'src', '-o', 'bad.znip'], here);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});

test('an unsafe --prefix is refused', () => {
  expect(znip(['pack', '-q', '--prefix', '../x', 'src', '-o', 'bad.znip'], here).status).toBe(2);
});
