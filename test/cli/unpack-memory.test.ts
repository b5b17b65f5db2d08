/**
 * `unpack --memory`: the same tree with whatever there is, and a clear refusal of too little.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leastMemory } from '../support/memory.ts';
import { znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

beforeAll(() => {
  mkdirSync(at('tree/sub'), { recursive: true });
  for (let i = 0; i < 9; i++) writeFileSync(at(`tree/${i}`), noise(1024 * 1024, i + 1));
  for (let i = 0; i < 40; i++) writeFileSync(at(`tree/sub/${i}`), prose(i * 50));
  expect(znip(['pack', '-q', '--chunk-size', '512K', 'tree', '-o', 'tree.znip'], here).status).toBe(0);
});

beforeEach(() => rmSync(at('target'), { recursive: true, force: true }));

describe.each([
  ['by the index', ['tree.znip'], undefined],
  ['from a pipe', ['-'], 'tree.znip'],
])('%s', (_, archive, stdin) => {
  /** Of a pipe that is not read to its end, no more than fits into it. */
  const options = (length?: number): { cwd: string; input?: Buffer } =>
    stdin === undefined ? here : { ...here, input: readFileSync(at(stdin)).subarray(0, length) };
  const args = ['-q', '-j', '4', ...archive, '-C', 'target'];

  test('too little is refused before anything is written, and the least is said', () => {
    expect(leastMemory(args, options(32_768), 'unpack')).toBeGreaterThan(1024 * 1024);
    expect(existsSync(at('target/tree'))).toBe(false);
  });

  test.each([0, 80, 4000])('the tree is the same with the least and %s MiB', (more) => {
    const memory = leastMemory(args, options(32_768), 'unpack') + more * 1024 * 1024;
    const { status, stderr } = znip(['unpack', ...args, '--memory', String(memory)], options());
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const expected = describeTree(at('tree'));
    const found = describeTree(at('target/tree'));
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [path, { content }] of found) expect(content, path).toBe(expected.get(path)?.content);
  });
});
