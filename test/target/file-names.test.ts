/**
 * Names are taken without replacing what has them, whatever the file system and the way to it can do.
 */
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nameFile, partName } from '../../src/target/file-names.ts';
import { closeTarget, openTarget } from '../../src/target/target.ts';
import { core } from '../../src/core/core.ts';
import { TargetTree } from '../../src/target/target-tree.ts';
import { CREATE_FLAGS } from '../../src/target/write-file.ts';
import type { ExistingPolicy } from '../../src/target/write-settings.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
let number = 0;

interface Place {
  at: (name: string) => string;
  tree: TargetTree;
  make: () => { fd: number; temporary: string };
}

/** `held`: by descriptors; otherwise by names, as where these cannot be had. */
function place(held: boolean, existing: ExistingPolicy, work: (place: Place) => void): void {
  const target = join(directory, `${number++}`);
  const opened = openTarget({ directory: target, existing });
  const tree = held ? opened : new TargetTree({ ...opened.settings, root: undefined });
  const fds: number[] = [];
  try {
    work({
      at: (name) => join(target, name),
      tree,
      make: () => {
        const temporary = partName('f');
        const fd = tree.open(temporary, CREATE_FLAGS, 0o600);
        fds.push(fd);
        writeFileSync(fd, 'new');
        return { fd, temporary };
      },
    });
  } finally {
    for (const fd of fds) closeSync(fd);
    closeTarget(opened);
  }
}

const file = { path: 'f', mtime: 2_000_000_000_000_000_000n };

describe.each([true, false])('names (held: %s)', (held) => {
  test('a free name is taken, and the temporary one is gone', () => {
    place(held, 'fail', ({ at, tree, make }) => {
      expect(nameFile(make(), file, tree)).toBe(true);
      expect(readdirSync(at('.'))).toEqual(['f']);
      expect(readFileSync(at('f'), 'utf8')).toBe('new');
      expect(lstatSync(at('f')).nlink).toBe(1);
    });
  });

  test.each(['fail', 'keep'] as const)('a name that somebody took meanwhile stays his (%s)', (existing) => {
    place(held, existing, ({ at, tree, make }) => {
      const made = make();
      writeFileSync(at('f'), 'his');
      expect(nameFile(made, file, tree)).toBe(false);
      expect(readdirSync(at('.'))).toEqual(['f']);
      expect(readFileSync(at('f'), 'utf8')).toBe('his');
    });
  });

  test.each([
    ['overwrite', 'new'],
    ['keep-newer', 'new'],
  ] as const)('is replaced with %s', (existing, content) => {
    place(held, existing, ({ at, tree, make }) => {
      writeFileSync(at('f'), 'old');
      expect(nameFile(make(), file, tree)).toBe(true);
      expect(readFileSync(at('f'), 'utf8')).toBe(content);
      expect(readdirSync(at('.'))).toEqual(['f']);
    });
  });
});

// Without the core, a name is taken by the temporary one; see docs/security.md, "Residual risks".
test.skipIf(core() === undefined)('what somebody put under the temporary name does not get the name', () => {
  place(true, 'fail', ({ at, tree, make }) => {
    const made = make();
    writeFileSync(at('his'), 'his');
    linkSync(at(made.temporary), at('other'));
    rmSync(at(made.temporary));
    linkSync(at('his'), at(made.temporary));
    expect(nameFile(made, file, tree)).toBe(true);
    expect(readFileSync(at('f'), 'utf8')).toBe('new');
    expect(existsSync(at('his'))).toBe(true);
  });
});
