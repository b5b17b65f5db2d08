/**
 * Stacks of defects, with places in the source files. Source maps beside the bundles have these places (`build.js`).
 */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Where the error and its cause were created. The maps are read only now. */
export function readableStack(error: unknown): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stackOf(error).replace(
    /(?:file:\/\/)?(\/[^\n()]*?\.cjs):(\d+):(\d+)/g,
    (place, file: string, line, column) => {
      if (!maps.has(file)) maps.set(file, mapOf(file));
      const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1);
      if (entry === undefined || !('originalSource' in entry)) return place;
      const { originalSource, originalLine, originalColumn } = entry;
      return `${sourceName(file, originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
    },
  );
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}

function mapOf(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
  } catch {
    return undefined;
  }
}

/** `src/cli/main.ts`: the path within the package, wherever it is installed. The bundles are in a folder of it. */
function sourceName(file: string, source: string): string {
  return relative(dirname(dirname(file)), join(dirname(file), source));
}
