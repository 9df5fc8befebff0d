import { describe, expect, test } from "vitest";
import { axis, bar, ROW, rowWindow, scrolledTo, ticks } from "./layout.ts";

describe("the window of rows", () => {
  test("covers what is in view and a little more", () => expect(rowWindow(100 * ROW, 10 * ROW, 10_000, 5)).toEqual([95, 115]));
  test("ends with the rows", () => expect(rowWindow(0, 1000, 3)).toEqual([0, 3]));
  test("survives a list that shrank under it", () => expect(rowWindow(9_000 * ROW, 500, 4)).toEqual([0, 4]));
});

describe("scrolling to a row", () => {
  test("leaves a row in view alone", () => expect(scrolledTo(5, 0, 20 * ROW)).toBe(0));
  test("goes no further than needed", () => {
    expect(scrolledTo(30, 0, 20 * ROW)).toBe(33 * ROW - 20 * ROW);
    expect(scrolledTo(10, 50 * ROW, 20 * ROW)).toBe(8 * ROW);
  });
});

describe("a bar", () => {
  const range = { from: 100, to: 200 };
  test("is in percent of the range", () => expect(bar(120, 30, range)).toEqual({ left: 20, width: 30 }));
  test("is cut at the edges", () => expect(bar(50, 100, range)).toEqual({ left: 0, width: 50 }));
  test("is gone outside", () => expect([bar(0, 50, range), bar(300, 1, range)]).toEqual([null, null]));
});

describe("ticks", () => {
  test("are round", () => expect(ticks({ from: 0, to: 14_820 })).toEqual([0, 5000, 10_000]));
  test("start within the range", () => expect(ticks({ from: -40, to: 900 })).toEqual([0, 200, 400, 600, 800]));
  test("are whole minutes in long traces", () => expect(ticks({ from: 0, to: 7_200_000 })).toEqual([0, 1_800_000, 3_600_000, 5_400_000, 7_200_000]));
  test("stay few whatever the range", () => {
    for (let to = 0.0003; to < 1e9; to *= 1.7) expect(ticks({ from: 0, to }).length).toBeLessThanOrEqual(7);
  });
});

describe("the axis", () => {
  const labels = (from: number, to: number) => axis({ from, to }).map(({ label }) => label);
  test("has days and years when it is huge", () => {
    expect(labels(0, 9 * 86_400_000)).toEqual(["0", "2d", "4d", "6d", "8d"]);
    expect(labels(0, 1e13)).toEqual(["0", "100y", "200y", "300y"]);
  });
  test("has fewer ticks when their labels are long", () => {
    const from = 40 * 86_400_000 + 7_384_000;
    for (let length = 0.002; length < 1e13; length *= 1.9) {
      const there = labels(from, from + length);
      expect(there.length).toBeLessThanOrEqual(7);
      if (there.length > 2) expect(there.join(" ").length).toBeLessThanOrEqual(48);
      expect(new Set(there).size).toBe(there.length);
    }
  });
});
