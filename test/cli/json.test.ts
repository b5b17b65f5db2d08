/**
 * What programs read: every result and every event, held against the schemas in docs/schemas by a validator that
 * is not ours. The schemas allow no other properties, so a field that is added or renamed fails here.
 */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandNames, optionNames } from '../support/help.ts';
import { type RunResult, znip } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';
import { runHere, workIn } from '../support/world.ts';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
// Types such as ["string", "null"] are what strictTypes would refuse.
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: true, allErrors: true });
const schemas = readdirSync(`${docs}/schemas`);
for (const file of schemas) {
  ajv.addSchema(JSON.parse(readFileSync(`${docs}/schemas/${file}`, 'utf8')) as object);
}

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

function parseLines(text: string): unknown[] {
  expect(text).toMatch(/^$|\n$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

function expectValid(schema: string, value: unknown): void {
  const valid = ajv.validate(`${schema}.schema.json`, value);
  expect({ value, errors: valid ? [] : ajv.errors }).toEqual({ value, errors: [] });
}

/** Every line on standard error must be an event. */
function withEvents<T extends { stderr: string }>(result: T): T & { events: Event[] } {
  const events = parseLines(result.stderr) as Event[];
  for (const event of events) expectValid('event', event);
  return { ...result, events };
}

const runJson = (args: readonly string[]): RunResult & { events: Event[] } => withEvents(znip(args, here));

interface Event {
  command: string;
  event: string;
  [field: string]: unknown;
}

workIn(directory);
beforeAll(() => {
  mkdirSync(at('t/sub'), { recursive: true });
  writeFileSync(at('t/a'), 'alpha');
  writeFileSync(at('t/sub/large'), noise(300_000));
  writeFileSync(Buffer.concat([Buffer.from(at('t/n')), Buffer.from([0xff])]), '');
  symlinkSync('a', at('t/link'));
  expect(znip(['pack', '-q', 't', '-o', 't.znip', '--chunk-size', '64K', '--owner'], here).status).toBe(0);
  const bytes = readFileSync(at('t.znip'));
  // In the middle of the noise, which is most of the archive.
  const middle = bytes.byteLength >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(at('damaged.znip'), bytes);
});

/** A run of each command that has --json: its arguments, status, and the schema of what it prints. */
const RESULTS: [args: string[], status: number, schema: string][] = [
  [['pack', 't', '-o', 'new.znip'], 0, 'pack'],
  [['unpack', 't.znip', '-C', 'out'], 0, 'unpack'],
  [['unpack', '-k', 't.znip', '-C', 'out'], 0, 'unpack'],
  [['unpack', 't.znip', '-C', 'out', '--changed', '--delete'], 0, 'unpack'],
  [['unpack', 't.znip', '-C', 'fresh', '--changed', '-n'], 0, 'unpack'],
  [['unpack', '-n', 't.znip', '-C', 'fresh', 't/a', 'missing'], 3, 'unpack'],
  [['unpack', '--keep-going', 'damaged.znip', '-C', 'going'], 4, 'unpack'],
  [['unpack', '--tar', 't.tar', 't.znip'], 0, 'unpack-tar'],
  [['recover', 'damaged.znip', '-C', 'recovered'], 4, 'unpack'],
  [['ls', 't.znip'], 0, 'ls'],
  [['ls', '--total', 't.znip', 't/a', 'missing'], 3, 'ls'],
  [['info', 't.znip'], 0, 'info'],
  [['diff', 't.znip', 't'], 0, 'diff'],
  [['diff', '--mtime', 't.znip', '.', '--strip-components', '0'], 1, 'diff'],
  [['verify', 't.znip'], 0, 'verify'],
  [['verify', '--quick', 't.znip'], 0, 'verify'],
  [['verify', 'damaged.znip'], 4, 'verify'],
  [['merge', 't.znip', '-o', 'merged.znip'], 0, 'pack'],
  [['repack', 't.znip', '-x', 'a', '-o', 'repacked.znip'], 0, 'pack'],
  [['repair', 't.znip', '-o', 'copied.znip'], 0, 'repair'],
  [['repair', 'damaged.znip', '-o', 'repaired.znip'], 4, 'repair'],
];
/** These print any number of lines, the others exactly one. */
const LISTS = new Set(['ls', 'diff']);

describe('--json', () => {
  test('every command that has it is here', () => {
    const having = commandNames().filter(
      (command) => command !== 'help' && optionNames(command).includes('--json'),
    );
    expect(new Set(RESULTS.map(([[command]]) => command))).toEqual(new Set(having));
  });

  test('no schema is left out', () => {
    const document = readFileSync(`${docs}/json.md`, 'utf8');
    for (const file of schemas) expect(document).toContain(`schemas/${file}`);
  });

  test.each(RESULTS)('%j is status %i and %s', (args, status, schema) => {
    const result = runJson([...args, '--json']);
    expect(result.status, result.stderr).toBe(status);
    const values = parseLines(result.stdout);
    if (!LISTS.has(schema)) expect(values).toHaveLength(1);
    for (const value of values) expectValid(schema, value);
  });

  test('with -o - and --tar -, where standard output is data, the result is an event', () => {
    const pack = runJson(['pack', 't', '-o', '-', '--json']);
    expect(pack.events).toHaveLength(1);
    expect(pack.events[0]).toMatchObject({ command: 'pack', event: 'result', result: { members: 6 } });
    const tar = runJson(['unpack', '--tar', '-', 't.znip', '--json']);
    expect(tar.events).toMatchObject([{ event: 'result', result: { tarBytes: tar.output.byteLength } }]);
  });

  test('a schema would notice', () => {
    const { stdout } = runJson(['pack', 't', '-o', 'new.znip', '--json']);
    const value = JSON.parse(stdout) as Record<string, unknown>;
    expect(ajv.validate('pack.schema.json', { ...value, more: 1 })).toBe(false);
    expect(ajv.validate('pack.schema.json', { ...value, members: '6' })).toBe(false);
    expect(ajv.validate('event.schema.json', { command: 'pack', event: 'other' })).toBe(false);
  });
});

describe('errors', () => {
  test.each([
    [
      ['pack', 'missing', '-o', 'x.znip'],
      { code: 'source-unreadable', status: 1, path: 'missing', errno: 'ENOENT' },
    ],
    [['pack', '-o', 'x.znip'], { code: 'usage', status: 2 }],
    [['pack', 't', '-o', 'x.znip', '--lavel', '3'], { code: 'usage', status: 2 }],
    [['unpack', 'missing.znip'], { code: 'io', status: 1 }],
    [['unpack', 't.znip', '-C', 'taken'], { code: 'exists', status: 1 }],
    [['unpack', 'damaged.znip', '-C', 'no'], { code: 'damaged-block', status: 4 }],
    [['unpack', 't.znip', '--max-size', '10'], { code: 'limit', status: 4 }],
    [['ls', 't.znip', 'missing'], { code: 'no-match', status: 3 }],
    [['ls', 't/a'], { code: 'not-an-archive', status: 4 }],
    [['info', 't/a'], { code: 'not-an-archive', status: 4 }],
    [['diff', 't.znip', 'nowhere'], { code: 'usage', status: 2 }],
    [['verify', 't/a'], { code: 'not-an-archive', status: 4 }],
    [['recover', '-'], { code: 'usage', status: 2 }],
    [['repair', 't/a', '-o', 'x.znip'], { code: 'not-an-archive', status: 4 }],
  ])('%j', async (args, expected) => {
    if (args.includes('taken')) mkdirSync(at('taken/t'), { recursive: true });
    if (args.includes('taken')) writeFileSync(at('taken/t/a'), 'mine');
    const { status, stdout, events } = withEvents(await runHere([...args, '--json']));
    expect({ status, stdout }).toEqual({ status: expected.status, stdout: '' });
    const last = events.at(-1);
    expect(last).toMatchObject({ command: args[0], event: 'error', ...expected });
    expect(last?.['message']).not.toContain('\n');
  });

  test('of a command that does not exist', async () => {
    const { status, events } = withEvents(await runHere(['pakc', '--json']));
    expect(status).toBe(2);
    expect(events).toEqual([
      {
        command: 'pakc',
        event: 'error',
        code: 'usage',
        message: "unknown command 'pakc' (Did you mean pack?)",
        status: 2,
      },
    ]);
  });

  test('what follows -- is a name, not a wish', async () => {
    expect((await runHere(['ls', '--', '--json'])).stderr).toBe(
      "znip: cannot open '--json': no such file or directory\n",
    );
  });
});

describe('--progress json', () => {
  test.each([
    [['pack', 't', '-o', 'progress.znip'], 'pack'],
    [['unpack', 't.znip', '-C', 'progress'], 'unpack'],
    [['verify', 't.znip'], 'verify'],
  ])('%j ends with its result, and has nothing on standard output', (args, schema) => {
    const { status, stdout, events } = runJson([...args, '--progress', 'json']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const last = events.at(-1);
    expect(last).toMatchObject({ command: args[0], event: 'result' });
    expectValid(schema, last?.['result']);
  });

  test('reports progress of a run that takes its time', () => {
    const sizes = Array.from({ length: 8 }, (_, i) => i);
    mkdirSync(at('slow'));
    for (const i of sizes) writeFileSync(at(`slow/${i}`), noise(2_000_000, i + 1));
    const { events } = runJson(['pack', 'slow', '-o', 'slow.znip', '-19', '-j', '1', '--progress=json']);
    const progress = events.filter(({ event }) => event === 'progress');
    expect(progress.length).toBeGreaterThan(0);
    expect(events.at(-1)?.event).toBe('result');
  });

  test('says warnings and damage', () => {
    const { events } = runJson(['verify', 'damaged.znip', '--progress', 'json']);
    expect(events.map(({ event }) => event)).toContain('damage');
    const { events: lost } = runJson(['recover', 'damaged.znip', '-C', 'lost', '--progress', 'json']);
    expect(lost).toContainEqual(expect.objectContaining({ event: 'lost', member: 't/sub/large' }));
  });
});
