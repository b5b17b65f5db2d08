/**
 * Chooses the reporter of a run. Only this module knows that there are two.
 */
import type { Streams } from '../process/streams.ts';
import type { World } from '../process/world.ts';
import { JsonReporter } from './json-reporter.ts';
import { ProgressLine } from './progress-line.ts';
import type { Reporter, ReporterSettings } from './reporter.ts';
import { TextReporter } from './text-reporter.ts';

/** `forPrograms`: standard error gets events. */
export function chooseReporter(
  world: World,
  streams: Streams,
  settings: ReporterSettings,
  forPrograms: boolean,
): Reporter {
  const line = new ProgressLine(world, streams, settings);
  return forPrograms ? new JsonReporter(streams, settings, line) : new TextReporter(streams, settings, line);
}
