/**
 * `znip diff`.
 */
import { statSync } from 'node:fs';
import type { Archive } from '../../archive/archive.ts';
import { tellRemarks } from '../../archive/remarks.ts';
import { type Aspect, diff, type Difference, type DiffOptions } from '../../diff/diff.ts';
import { diffArchives } from '../../diff/diff-archives.ts';
import { ZnipError } from '../../errors.ts';
import { defined } from '../args/defined.ts';
import { openIndexed } from '../args/open-indexed.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import { base64Bytes, printable } from '../ui/text.ts';

export interface DiffCommandOptions {
  stripComponents?: number;
  mtime?: boolean;
  quiet?: boolean;
}

const LETTERS: Record<Aspect, string> = {
  kind: 'T',
  content: 'M',
  target: 'L',
  mode: 'P',
  owner: 'O',
  mtime: 't',
  xattrs: 'X',
};

export async function runDiff(
  { streams, reporter, outcome }: Context,
  path: string,
  other: string,
  options: DiffCommandOptions,
): Promise<void> {
  const isArchive = statSync(other, { throwIfNoEntry: false })?.isFile() === true;
  if (isArchive && options.stripComponents !== undefined) {
    throw new ZnipError(
      'usage',
      '--strip-components is for directories: two archives are compared as they are',
    );
  }
  const terminal = streams.outputIsTerminal;
  let different = false;
  let incomplete = false;
  const archive = await openIndexed(path, 'diff');
  let after: Archive | undefined;
  try {
    if (isArchive) after = await openOther(other);
    for (const one of after === undefined ? [archive] : [archive, after]) {
      await tellRemarks(one, { about: ['absent'] }, (member, reason) => {
        incomplete = true;
        reporter.warn(member, reason);
      });
    }
    const onWarning: DiffOptions['onWarning'] = ({ path: name, reason, failed }) => {
      incomplete ||= failed;
      reporter.warn(name, reason, failed);
    };
    const { mtime, stripComponents } = options;
    const differences =
      after === undefined
        ? diff(archive, other, { ...defined({ stripComponents, mtime }), onWarning })
        : diffArchives(archive, after, defined({ mtime }));
    for await (const difference of differences) {
      different = true;
      if (options.quiet === true) break;
      reporter.print(
        () => fieldsOf(difference),
        () => lineOf(difference, terminal),
      );
    }
  } finally {
    after?.close();
    archive.close();
  }
  if (incomplete) outcome.atLeast(EXIT.incomplete);
  else if (different) outcome.atLeast(EXIT.failed);
}

async function openOther(path: string): Promise<Archive> {
  try {
    return await openIndexed(path, 'diff');
  } catch (error) {
    if (!(error instanceof ZnipError) || error.code !== 'not-an-archive') throw error;
    throw new ZnipError('usage', `'${path}' is neither a directory nor a znip archive`, { path });
  }
}

/** Names as their bytes, for other programs; as printable text on a terminal. */
function lineOf({ change, aspects, path, pathBytes }: Difference, terminal: boolean): string | Uint8Array {
  const letters =
    change === 'added' ? '+' : change === 'removed' ? '-' : aspects.map((aspect) => LETTERS[aspect]).join('');
  if (terminal) return `${letters} ${printable(path)}\n`;
  return Buffer.concat([Buffer.from(`${letters} `), pathBytes, Buffer.from('\n')]);
}

function fieldsOf({ change, aspects, path, pathBytes }: Difference): object {
  return { path, change, aspects, ...defined({ pathBytes: base64Bytes(pathBytes) }) };
}
