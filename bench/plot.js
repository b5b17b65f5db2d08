/**
 * The plot of speed against size, as SVG: a point for each setting, a line for each family.
 */
import * as echarts from 'echarts';
import { placeLabels } from './label-places.js';
import { archiveBytes, medianOf, turnsOf, wallSeconds } from './statistics.js';

const WIDTH = 960;
const HEIGHT = 640;
const GRID = { left: 70, right: 30, top: 92, bottom: 84 };
const FONT = 12;
/** Wide enough for any letter of a sans-serif font at FONT, on average. */
const LETTER = 6.6;
const MARK = 9;
const LINE_WIDTH = 3;
const LINE_PIECE = 6;

/** Colours that stay apart for most kinds of colour blindness (Okabe and Ito, 2008); black is znip's. */
const COLORS = [
  '#000000',
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#b8860b',
  '#56b4e9',
  '#8b4513',
  '#777777',
];
const MARKS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect'];

/**
 * @typedef {{ family: string, label: string, share: number, speed: number }} Point share: archive over content, in
 *   percent; speed: content in MB/s
 */

/**
 * @param {import('./report.js').CorpusResult} corpus
 * @param {{ title: string, machine: string }} captions
 * @returns {string}
 */
export function plotSvg({ contenders, runs, bytes }, { title, machine }) {
  const measured = contenders.flatMap(({ name, family, label }) => {
    const turns = turnsOf(runs, 'pack', name);
    if (turns.length === 0) return [];
    const share = (medianOf(turns, archiveBytes) / bytes) * 100;
    return [{ family, label: label || family, share, speed: bytes / medianOf(turns, wallSeconds) / 1e6 }];
  });
  const points = familiesOf(measured).flatMap((family) =>
    measured.filter((point) => point.family === family).toSorted((a, b) => a.share - b.share),
  );
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption(layout(points, title, machine));
    const pixels = points.map(({ share, speed }) => chart.convertToPixel('grid', [share, speed]));
    chart.setOption({ series: seriesOf(points, pixels) });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}

/**
 * @param {readonly Point[]} points
 * @param {string} title
 * @param {string} machine
 * @returns {echarts.EChartsOption}
 */
function layout(points, title, machine) {
  const shares = points.map(({ share }) => share);
  const speeds = points.map(({ speed }) => speed);
  const margin = Math.max(0.5, (Math.max(...shares) - Math.min(...shares)) * 0.06);
  const text = { color: '#222222', fontFamily: 'sans-serif', fontSize: FONT };
  const lines = { lineStyle: { color: '#dddddd' } };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: text,
    title: [
      {
        text: title,
        subtext: 'Better is up and to the left.',
        left: 'center',
        top: 8,
        textStyle: { ...text, fontSize: 18 },
        subtextStyle: text,
      },
      {
        text: machine,
        left: 'center',
        bottom: 6,
        textStyle: { ...text, fontSize: 11, fontWeight: 'normal' },
      },
    ],
    legend: { top: 62, textStyle: text },
    grid: GRID,
    xAxis: {
      type: 'value',
      name: 'size of the archive, % of the content',
      nameLocation: 'middle',
      nameGap: 28,
      min: Math.max(0, Math.floor(Math.min(...shares) - margin)),
      max: Math.ceil(Math.max(...shares) + margin),
      // At the ends of the axis, which are no round numbers, they would stand on others.
      axisLabel: { ...text, showMinLabel: false, showMaxLabel: false },
      nameTextStyle: text,
      splitLine: lines,
    },
    yAxis: {
      type: 'log',
      logBase: 2,
      name: 'speed of packing, MB/s (logarithmic)',
      nameLocation: 'middle',
      nameGap: 44,
      min: 2 ** Math.floor(Math.log2(Math.min(...speeds))),
      max: 2 ** Math.ceil(Math.log2(Math.max(...speeds))),
      axisLabel: text,
      nameTextStyle: text,
      splitLine: lines,
    },
    series: [],
  };
}

/**
 * @param {readonly Point[]} points each family's together, in the order of its line
 * @param {readonly number[][]} pixels where they are
 * @returns {echarts.LineSeriesOption[]}
 */
function seriesOf(points, pixels) {
  const frame = {
    left: GRID.left,
    top: GRID.top,
    width: WIDTH - GRID.left - GRID.right,
    height: HEIGHT - GRID.top - GRID.bottom,
  };
  const places = points.map(({ family, label }, index) => {
    const [x = 0, y = 0] = pixels[index] ?? [];
    return { family, x, y, width: label.length * LETTER, height: FONT + 2 };
  });
  const boxes = placeLabels(places, frame, alongLines(places));
  return familiesOf(points).map((family, number) => {
    const color = COLORS[number % COLORS.length] ?? '#000000';
    const isOwn = family === 'znip';
    const data = points.flatMap((point, index) => {
      if (point.family !== family) return [];
      const { x, y } = places[index] ?? { x: 0, y: 0 };
      const { left, top } = boxes[index] ?? { left: x, top: y };
      // From the upper left corner of the mark.
      const position = [left - x + MARK / 2, top - y + MARK / 2];
      return [{ value: [point.share, point.speed], label: { formatter: point.label, position } }];
    });
    return {
      type: 'line',
      name: family,
      color,
      symbol: MARKS[number % MARKS.length] ?? 'circle',
      symbolSize: MARK,
      showAllSymbol: true,
      lineStyle: { color, width: isOwn ? LINE_WIDTH : 1, type: isOwn ? 'solid' : 'dashed' },
      label: {
        show: true,
        color,
        fontFamily: 'sans-serif',
        fontSize: FONT,
        fontWeight: isOwn ? 'bold' : 'normal',
        align: 'left',
        verticalAlign: 'top',
      },
      data,
      z: isOwn ? 4 : 3,
    };
  });
}

/**
 * @param {readonly { family: string, x: number, y: number }[]} places in the order of the lines
 * @returns {import('./label-places.js').Box[]} what the lines between them cover, in small pieces
 */
function alongLines(places) {
  return places.slice(1).flatMap((to, index) => {
    const from = places[index];
    if (from === undefined || from.family !== to.family) return [];
    const steps = Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / LINE_PIECE);
    return Array.from({ length: steps }, (_, step) => ({
      left: from.x + ((to.x - from.x) * step) / steps,
      top: from.y + ((to.y - from.y) * step) / steps,
      width: LINE_WIDTH,
      height: LINE_WIDTH,
    }));
  });
}

/** @param {readonly Point[]} points */
function familiesOf(points) {
  return [...new Set(points.map(({ family }) => family))];
}
