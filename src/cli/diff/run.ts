/**
 * `znip diff`.
 */
import { tellRemarks } from '../../archive/remarks.ts';
import { type Aspect, diff, type Difference } from '../../diff/diff.ts';
import { defined } from '../args/defined.ts';
import { openIndexed } from '../args/open-indexed.ts';
import { EXIT } from '../process/exit-status.ts';
import { isTerminal, STDOUT, writeOutput } from '../process/standard-streams.ts';
import { writeWarning } from '../ui/messages.ts';
import { base64Bytes, jsonLine, printable } from '../ui/text.ts';

export interface DiffCommandOptions {
  stripComponents?: number;
  mtime?: boolean;
  json?: boolean;
  quiet?: boolean;
}

const LETTERS: Record<Aspect, string> = { kind: 'T', content: 'M', target: 'L', mode: 'P', mtime: 't' };

export async function runDiff(path: string, directory: string, options: DiffCommandOptions): Promise<void> {
  const quiet = options.quiet === true;
  const terminal = isTerminal(STDOUT);
  let different = false;
  let incomplete = false;
  const archive = await openIndexed(path, 'diff');
  try {
    await tellRemarks(archive, { about: ['absent'] }, (member, reason) => {
      incomplete = true;
      writeWarning(member, reason);
    });
    const differences = diff(archive, directory, {
      ...defined({ stripComponents: options.stripComponents, mtime: options.mtime }),
      onWarning: (warning) => {
        incomplete ||= warning.failed;
        if (warning.failed || !quiet) writeWarning(warning.path, warning.reason);
      },
    });
    for await (const difference of differences) {
      different = true;
      if (quiet) break;
      writeOutput(options.json === true ? jsonOf(difference) : lineOf(difference, terminal));
    }
  } finally {
    archive.close();
  }
  if (incomplete) process.exitCode = EXIT.incomplete;
  else if (different) process.exitCode = EXIT.failed;
}

/** Names as their bytes, for other programs; as printable text on a terminal. */
function lineOf({ change, aspects, path, pathBytes }: Difference, terminal: boolean): string | Uint8Array {
  const letters =
    change === 'added' ? '+' : change === 'removed' ? '-' : aspects.map((aspect) => LETTERS[aspect]).join('');
  if (terminal) return `${letters} ${printable(path)}\n`;
  return Buffer.concat([Buffer.from(`${letters} `), pathBytes, Buffer.from('\n')]);
}

function jsonOf({ change, aspects, path, pathBytes }: Difference): string {
  return jsonLine({ path, change, aspects, ...defined({ pathBytes: base64Bytes(pathBytes) }) });
}
