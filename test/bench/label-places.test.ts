import { describe, expect, test } from 'vitest';
import { overlap, placeLabels } from '../../bench/label-places.js';

const FRAME = { left: 0, top: 0, width: 400, height: 300 };
const LABEL = { width: 60, height: 14 };

describe('labels of points', () => {
  const crowd = [0, 1, 2, 3, 4, 5].map((index) => ({ x: 200 + index * 4, y: 150 - index * 3, ...LABEL }));
  const edge = [
    { x: 398, y: 2, ...LABEL },
    { x: 2, y: 298, ...LABEL },
  ];

  test('cover neither each other nor the points, where many are close', () => {
    const boxes = placeLabels(crowd, FRAME);
    const points = crowd.map(({ x, y }) => ({ left: x - 3, top: y - 3, width: 6, height: 6 }));
    for (const [index, box] of boxes.entries()) {
      const others = [...boxes.slice(0, index), ...boxes.slice(index + 1), ...points];
      expect(others.map((other) => overlap(box, other)).filter((area) => area > 0)).toEqual([]);
    }
  });

  test('stay inside the frame, and beside what is in the way', () => {
    const obstacle = { left: 340, top: 8, width: 60, height: 40 };
    for (const box of placeLabels(edge, FRAME, [obstacle])) {
      expect(box.left).toBeGreaterThanOrEqual(0);
      expect(box.top).toBeGreaterThanOrEqual(0);
      expect(box.left + box.width).toBeLessThanOrEqual(FRAME.width);
      expect(box.top + box.height).toBeLessThanOrEqual(FRAME.height);
      expect(overlap(box, obstacle)).toBe(0);
    }
  });
});
