/**
 * Tar streams with repeated names, links in any order and kinds that replace each other, read in every way and by GNU
 * tar and bsdtar; `npm run fuzz -- differential` goes on for as long as it is told.
 */
import { describe, expect, test } from 'vitest';
import { minimise } from './differential/differential.ts';
import { judge } from './differential/judge.ts';
import { expectedOf } from './differential/model.ts';
import type { Tree } from './differential/snapshot.ts';
import { type Case, type Piece, randomCase } from './differential/stream.ts';
import { readAlike } from './differential/read-alike.ts';
import { Random } from './random.ts';

function caseOf(pieces: Partial<Piece>[], rest: Partial<Case> = {}): Case {
  return {
    pieces: pieces.map((piece, id) => ({
      name: 'a',
      kind: 'file',
      form: 'ustar',
      target: '',
      id,
      size: piece.kind === undefined || piece.kind === 'file' ? 5 : 0,
      mode: 0o644,
      mtime: 1_500_000_000,
      ...piece,
    })),
    standing: [],
    policy: 'fail',
    chunkSize: 65536,
    pieceLength: 65536,
    ...rest,
  };
}

readAlike({ streams: [0, 60], programs: [0, 60] });

/** Path, first character of the content or kind, names of the same file. */
const treeOf = (pieces: Partial<Piece>[], rest: Partial<Case> = {}): [string, string, string][] =>
  [...expectedOf(caseOf(pieces, rest)).tree].map(([path, { kind, content, names }]) => [
    path,
    kind === 'file' ? content.slice(0, 1) : kind,
    names,
  ]);

describe('the model', () => {
  test('the last member of a name counts, and a link keeps what it was', () => {
    expect(treeOf([{}, { name: 'b', kind: 'hardlink', target: 'a' }, {}])).toEqual([
      ['a', '2', 'a'],
      ['b', '0', 'b'],
    ]);
  });

  test('a link waits for its file', () => {
    expect(treeOf([{ name: 'b', kind: 'hardlink', target: 'a' }, {}])).toEqual([
      ['b', '1', 'a b'],
      ['a', '1', 'a b'],
    ]);
  });

  test('a directory that holds something stays, an empty one does not', () => {
    expect(treeOf([{ name: 'a/x' }, {}])).toEqual([
      ['a', 'directory', 'a'],
      ['a/x', '0', 'a/x'],
    ]);
    expect(treeOf([{ kind: 'directory' }, {}])).toEqual([['a', '1', 'a']]);
  });

  test('nothing is written through a symlink, nor linked to what stood there', () => {
    const through = expectedOf(caseOf([{ kind: 'symlink', target: 'd' }, { name: 'a/x' }]));
    expect([...through.contested]).toEqual(['a/x']);
    const standing = [{ name: 'a', kind: 'file', id: 7, mode: 0o600, mtime: 1, target: '' }] as const;
    const kept = expectedOf(
      caseOf([{}, { name: 'b', kind: 'hardlink', target: 'a' }], { standing: [...standing], policy: 'keep' }),
    );
    expect(kept.tree.get('a')?.content).toContain('7');
    expect(kept.tree.get('b')).toMatchObject({ content: '0 is ', names: 'b' });
  });
});

describe('the judge', () => {
  const silent = { said: [], error: undefined };

  test('accepts what is right, and finds what is wrong, missing, too much or silent', () => {
    const input = caseOf([{}, { name: 'b', kind: 'hardlink', target: 'a' }]);
    const expected = expectedOf(input);
    const changed = (change: (tree: Tree) => void): string[] => {
      const tree = structuredClone(expected.tree);
      change(tree);
      return judge(input, expected, tree, silent);
    };
    expect(judge(input, expected, expected.tree, silent)).toEqual([]);
    expect(changed((tree) => void tree.delete('b'))).toHaveLength(1);
    expect(changed((tree) => void tree.set('c', { ...tree.get('a')!, names: 'c' }))).toHaveLength(1);
    expect(changed((tree) => void (tree.get('a')!.content = 'other'))).toHaveLength(2);
    expect(changed((tree) => void (tree.get('a')!.names = 'a'))).toHaveLength(1);
    expect(changed((tree) => void (tree.get('a')!.mode = 0o600))).toHaveLength(1);
    expect(judge(input, expected, expected.tree, { ...silent, said: ['a: odd'] })).toHaveLength(1);
  });

  test('wants members named that cannot be had', () => {
    const input = caseOf([{ kind: 'symlink', target: 'd' }, { name: 'a/x' }]);
    const expected = expectedOf(input);
    expect(judge(input, expected, expected.tree, silent)).toHaveLength(1);
    expect(judge(input, expected, expected.tree, { ...silent, said: ['a/x: refused'] })).toEqual([]);
  });
});

test('a stream that fails is made smaller', async () => {
  const input = randomCase(new Random(3));
  input.pieces.push({ ...caseOf([{}]).pieces[0]!, name: 'e/y/z', size: 70_000 });
  const smallest = await minimise(input, async ({ pieces }) => pieces.some(({ name }) => name === 'e/y/z'));
  expect(smallest.pieces).toHaveLength(1);
  expect(smallest.pieces[0]).toMatchObject({ name: 'e/y/z', form: 'ustar', size: 5 });
  expect(smallest.standing).toEqual([]);
});
