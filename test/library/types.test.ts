/**
 * The types as other projects find them: by each way of resolving that TypeScript has, as ES module and as CommonJS, with
 * the types of the DOM and without, and with every declaration file checked.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const directory = temporaryDirectory();

const PROGRAM = `
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { type Archive, diff, type Entry, extract, open, pack, packTar, repair, verify, ZnipError, type ZnipEvent } from 'znip';

export async function all(signal: AbortSignal): Promise<void> {
  await using archive: Archive = await open('a.znip', { signal });
  for await (const entry of archive.entries({ packageTypes: ['npm'] })) {
    const [path, time, size]: [string, bigint, number] = [entry.path, entry.mtimeNs, entry.size];
    console.log(path, time, size, entry.linkTarget?.length);
  }
  const entry: Entry | undefined = await archive.find('a');
  if (entry !== undefined) for await (const piece of archive.stream(entry, { start: 0, end: 10, signal })) console.log(piece.byteLength);
  const text: string = await new Response(archive.stream('a')).text();
  await archive.extract(text, {
    signal: undefined,
    onProgress: ({ totalMembers }) => totalMembers?.toFixed(),
    onEvent: (event: ZnipEvent) => {
      if (event.type === 'lost') console.log(event.code satisfies ZnipError['code'], event.path?.length);
      else if (event.type !== 'unmatched') console.log(event.path.length);
    },
  });
  await pack(['a', { path: 'b', content: 'c' }, { path: 'd', content: Readable.from([]), size: 0, mtime: new Date() }], { output: 'b.znip', level: 9, exclude: ['*.map'], signal });
  await pack('a', { output: createWriteStream('c.znip') });
  await pack('a', { output: new WritableStream<Uint8Array>() });
  await packTar(createReadStream('a.tar'), { output: 'd.znip' });
  const members: number = (await extract(createReadStream('b.znip'), 'x')).members;
  await extract(new Blob(['x']).stream(), 'x');
  await verify(new Blob(['x']));
  await verify({ size: members, read: async (offset, length) => new Uint8Array(offset + length) });
  await repair('a.znip', { output: 'e.znip' });
  for await (const { change } of diff(archive, 'x')) console.log(change satisfies 'added' | 'removed' | 'changed');
  // @ts-expect-error: entries are made by archives alone.
  console.log(new Entry());
  // @ts-expect-error: there is no such option.
  await pack('a', { output: 'b.znip', levle: 9 });
  throw new ZnipError('usage', 'x');
}
`;

beforeAll(() => {
  mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
  symlinkSync(project, join(directory, 'node_modules/znip'));
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(join(project, 'node_modules', name), join(directory, 'node_modules', name));
  }
});

test.each<[name: string, type: string, options: object, libraries: string[]]>([
  ['node16, ES modules', 'module', { module: 'node16' }, []],
  ['node16, CommonJS', 'commonjs', { module: 'node16' }, []],
  ['nodenext, ES modules', 'module', { module: 'nodenext' }, ['dom', 'dom.iterable', 'dom.asynciterable']],
  ['nodenext, CommonJS', 'commonjs', { module: 'nodenext' }, []],
  [
    'bundler',
    'module',
    { module: 'preserve', moduleResolution: 'bundler' },
    ['dom', 'dom.iterable', 'dom.asynciterable'],
  ],
])('%s', (name, type, options, libraries) => {
  const place = join(directory, name.replaceAll(/\W+/g, '-'));
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), JSON.stringify({ type }));
  writeFileSync(join(place, 'program.ts'), PROGRAM);
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable', ...libraries],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    ...options,
  };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['program.ts'] }));
  const { stdout, status } = run(process.execPath, [
    join(project, 'node_modules/typescript/bin/tsc'),
    '-p',
    place,
  ]);
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
});
