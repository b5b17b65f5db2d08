/**
 * Where a chunk of a stream is cut: what may be written in parallel, and what has to wait.
 */
import { stringAt } from '../../src/format/values/byte-strings.ts';
import { describe, expect, test } from 'vitest';
import { KIND, type Member } from '../../src/format/values/entry.ts';
import type { LargeFile } from '../../src/target/chunk-files.ts';
import { SegmentBuilder } from '../../src/unpack-stream/segment.ts';

function add(builder: SegmentBuilder, path: string, replaces = false): void {
  const member: Member = {
    path,
    kind: KIND.file,
    mode: 0o644,
    mtime: 0n,
    size: 1,
    linkTarget: '',
    uid: null,
    gid: null,
  };
  if (replaces) builder.follow(path);
  builder.addFile({ member, row: 0, owner: null, replaces }, 0);
}

const large = { path: 'large', size: 9 } as LargeFile;
const part = { large, chunkOffset: 0, fileOffset: 0, length: 9 };

function shape(builder: SegmentBuilder): string[] {
  return builder
    .finish()
    .map(({ waits, changes, files, parts }) =>
      [
        waits ? 'waits' : 'now',
        ...changes.map(({ type }) => type),
        ...Array.from(
          { length: files.count },
          (_, row) =>
            `${stringAt(files.paths, row)}${files.replace.includes(row) ? '!' : ''}${files.superseded.includes(row) ? '-' : ''}`,
        ),
        ...parts.map(() => 'part'),
      ].join(' '),
    );
}

describe('segments', () => {
  test('nothing gives none', () => {
    expect(shape(new SegmentBuilder(false))).toEqual([]);
  });

  test('members that have nothing to do with one another do not wait', () => {
    const builder = new SegmentBuilder(false);
    add(builder, 'a');
    add(builder, 'b');
    builder.addPart(part);
    expect(shape(builder)).toEqual(['now a b part']);
  });

  test('of files of one name in a segment, the last is written', () => {
    const builder = new SegmentBuilder(false);
    add(builder, 'a');
    add(builder, 'b');
    add(builder, 'a', true);
    expect(shape(builder)).toEqual(['now a- b a']);
  });

  test('the name of a file before waits for that', () => {
    const builder = new SegmentBuilder(false);
    add(builder, 'b');
    add(builder, 'a', true);
    expect(shape(builder)).toEqual(['waits b a!']);
  });

  test('and takes the place of what the first would have taken', () => {
    const builder = new SegmentBuilder(false);
    add(builder, 'a', true);
    add(builder, 'a', true);
    add(builder, 'a', true);
    expect(shape(builder)).toEqual(['waits a!- a!- a!']);
  });

  test('behind the end of a large file, its own segment', () => {
    const builder = new SegmentBuilder(false);
    builder.addPart(part);
    add(builder, 'b');
    add(builder, 'large', true);
    expect(shape(builder)).toEqual(['now b part', 'waits large!']);
  });

  test('a change is made when all before it is written', () => {
    const builder = new SegmentBuilder(false);
    add(builder, 'a');
    builder.change({ type: 'remove', path: 'a' });
    add(builder, 'b');
    expect(shape(builder)).toEqual(['now a', 'waits remove b']);
    const last = new SegmentBuilder(false);
    last.change({ type: 'remove', path: 'a' });
    expect(shape(last)).toEqual(['waits remove']);
  });
});
