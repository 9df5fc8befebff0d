/** Where rows, bars and ticks go. Pure. */

import { DAY, tickTime, YEAR } from "../format.ts";

export const ROW = 28;

/** First row and the one past the last to draw, with `spare` more on either side. */
export function rowWindow(top: number, height: number, rows: number, spare = 10): [number, number] {
  const first = Math.max(0, Math.min(rows, Math.floor(top / ROW)) - spare);
  const last = Math.min(rows, Math.ceil((top + height) / ROW) + spare);
  return [first, Math.max(first, last)];
}

/** The scroll offset that brings `row` into view, as near to `top` as can be. */
export function scrolledTo(row: number, top: number, height: number): number {
  const margin = Math.min(ROW * 2, Math.max(0, (height - ROW) / 2));
  if (row * ROW - margin < top) return Math.max(0, row * ROW - margin);
  if ((row + 1) * ROW + margin > top + height) return (row + 1) * ROW + margin - height;
  return top;
}

export interface TimeRange {
  from: number;
  to: number;
}

export interface Bar {
  /** In percent of the lane. */
  left: number;
  width: number;
}

/** The bar of a span in `range`, or null when it lies outside. */
export function bar(offset: number, length: number, { from, to }: TimeRange): Bar | null {
  const scale = 100 / (to - from);
  const start = (offset - from) * scale;
  const end = (offset + length - from) * scale;
  if (end < 0 || start > 100) return null;
  const left = Math.max(0, start);
  return { left, width: Math.min(100, end) - left };
}

/** Characters of labels that a lane of the usual width holds. */
const ROOM = 48;

/** Round times within `range`, each with its label: as many, up to about five, as the labels leave room for. */
export function axis(range: TimeRange): { time: number; label: string }[] {
  for (let count = 5; ; count--) {
    const times = ticks(range, count);
    const step = (times[1] ?? range.to) - (times[0] ?? range.from);
    const labelled = times.map((time) => ({ time, label: tickTime(time, step) }));
    if (count === 1 || labelled.reduce((sum, { label }) => sum + label.length + 1, 0) <= ROOM) return labelled;
  }
}

/** Round times within `range`, about `count` of them. */
export function ticks({ from, to }: TimeRange, count = 5): number[] {
  const step = niceStep((to - from) / count);
  const list: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) list.push(i * step + 0); // + 0: not minus zero
  return list;
}

/** In seconds: 1, 2 and 5 times a power of ten make no round minutes. */
const LONG_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18_000, 43_200, 86_400];

function niceStep(least: number): number {
  if (least > 5_000) {
    const seconds = LONG_STEPS.find((n) => n * 1000 >= least);
    if (seconds) return seconds * 1000;
    return least <= 100 * DAY ? DAY * roundStep(least / DAY) : YEAR * roundStep(Math.max(1, least / YEAR));
  }
  return roundStep(least);
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const digit = least / power;
  return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}
