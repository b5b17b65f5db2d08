/**
 * What a handful of noisy runs comes to. Ratios are taken between runs of the same round, which are neighbours in
 * time, and their median counts: a machine's speed drifts, so two medians of different moments do not compare.
 */

/**
 * @typedef {import('./operations.js').Operation} Operation
 * @typedef {import('./measure.js').Measurement} Measurement
 *
 * @typedef {{ round: number, operation: Operation, contender: string, archiveBytes: number } & Measurement} Run
 *
 * @typedef {{ median: number, min: number, max: number }} Spread
 */

/**
 * @param {readonly Run[]} runs
 * @param {Operation} operation
 * @param {string} contender
 * @returns {Run[]} one for each round that it took part in
 */
export function turnsOf(runs, operation, contender) {
  return runs.filter((run) => run.operation === operation && run.contender === contender);
}

/** @param {Measurement} run */
export function wallSeconds(run) {
  return run.wallSeconds;
}

/** @param {Measurement} run */
export function cpuSeconds({ userSeconds, systemSeconds }) {
  return userSeconds + systemSeconds;
}

/** @param {{ archiveBytes: number }} run */
export function archiveBytes(run) {
  return run.archiveBytes;
}

/** @param {readonly Measurement[]} runs */
export function peakMemory(runs) {
  return Math.max(...runs.map(({ peakMemoryBytes }) => peakMemoryBytes));
}

/**
 * @param {readonly number[]} values at least one
 * @returns {number}
 */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * @template T
 * @param {readonly T[]} runs at least one
 * @param {(run: T) => number} value
 * @returns {number}
 */
export function medianOf(runs, value) {
  return median(runs.map((run) => value(run)));
}

/**
 * How many times as much `runs` took as `others`, by the rounds that both took part in.
 *
 * @template {{ round: number }} T
 * @param {readonly T[]} runs
 * @param {readonly T[]} others
 * @param {(run: T) => number} value
 * @returns {Spread | undefined} undefined where they share no round
 */
export function ratioOf(runs, others, value) {
  const ratios = runs.flatMap((run) => {
    const other = others.find(({ round }) => round === run.round);
    return other === undefined ? [] : [value(run) / value(other)];
  });
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}
