/**
 * Where the labels of points go in a plot, so that they cover neither each other nor the points.
 */

/**
 * @typedef {{ left: number, top: number, width: number, height: number }} Box
 * @typedef {{ x: number, y: number, width: number, height: number }} LabelledPoint where the point is, and how large its
 *   label is
 */

/** Half of a point's mark, and the least gap between it and its label. */
const REACH = 7;
/** How far away a label may go, in steps of its height, before it is left where it covers least. */
const RINGS = 6;

/**
 * In the order of the points: the first ones get the best places.
 *
 * @param {readonly LabelledPoint[]} points in pixels
 * @param {Box} frame all labels stay inside
 * @param {readonly Box[]} obstacles what else they are not to cover
 * @returns {Box[]} one for each point
 */
export function placeLabels(points, frame, obstacles = []) {
  const marks = points.map(({ x, y }) => ({
    left: x - REACH,
    top: y - REACH,
    width: 2 * REACH,
    height: 2 * REACH,
  }));
  const taken = [...marks, ...obstacles];
  /** @type {Box[]} */
  const placed = [];
  for (const point of points) {
    let best = { box: marks[0] ?? frame, covered: Infinity };
    for (const box of candidates(point)) {
      if (!contains(frame, box)) continue;
      const covered = taken.reduce((sum, other) => sum + overlap(box, other), 0);
      if (covered < best.covered) best = { box, covered };
      if (covered === 0) break;
    }
    placed.push(best.box);
    taken.push(best.box);
  }
  return placed;
}

/**
 * @param {LabelledPoint} point
 * @returns {Generator<Box>} the nearest first: right, above, below, left, and between
 */
function* candidates({ x, y, width, height }) {
  for (let ring = 0; ring < RINGS; ring += 1) {
    const gap = REACH + ring * height * 0.75;
    const across = [x + gap, x - width / 2, x - gap - width];
    const down = [y - height / 2, y - gap - height, y + gap];
    for (const [column, row] of [
      [0, 0],
      [1, 1],
      [1, 2],
      [2, 0],
      [0, 1],
      [0, 2],
      [2, 1],
      [2, 2],
    ]) {
      yield { left: across[column ?? 0] ?? x, top: down[row ?? 0] ?? y, width, height };
    }
  }
}

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {number} the area that both cover
 */
export function overlap(a, b) {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

/**
 * @param {Box} frame
 * @param {Box} box
 */
function contains(frame, box) {
  return (
    box.left >= frame.left &&
    box.top >= frame.top &&
    box.left + box.width <= frame.left + frame.width &&
    box.top + box.height <= frame.top + frame.height
  );
}
