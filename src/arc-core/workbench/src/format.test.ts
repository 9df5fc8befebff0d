import { describe, expect, test } from "vitest";
import { ago, bytes, clipped, compact, cost, dollars, duration, epoch, parsedJson, pretty, tickTime } from "./format.ts";

test.each([
  [0, "0 ms"],
  [0.0004, "1 µs"],
  [0.42, "420 µs"],
  [1, "1 ms"],
  [2.7, "2.7 ms"],
  [999.4, "999 ms"],
  [999.6, "1.00 s"],
  [14_820.4, "14.8 s"],
  [59_960, "1m 00s"],
  [192_000, "3m 12s"],
  [3_599_800, "1h 00m"],
  [7_500_000, "2h 05m"],
  [359_940_000, "99h 59m"],
  [12 * 86_400_000 + 3 * 3_600_000, "12d 3h"],
  [1e11, "3y 62d"],
  [-40, "−40 ms"],
  [Number.NaN, "–"],
])("a duration of %s ms reads %s", (ms, text) => expect(duration(ms)).toBe(text));

test.each([
  [0, 5000, "0"],
  [5000, 5000, "5 s"],
  [2500, 500, "2.5 s"],
  [10_000, 5000, "10 s"],
  [200, 200, "200 ms"],
  [0.05, 0.05, "50 µs"],
  [12_345, 5, "12.345 s"],
  [225_100, 100, "3m 45.1s"],
  [180_000, 60_000, "3m"],
  [3_600_000, 1_800_000, "1h"],
  [5_400_000, 1_800_000, "1h 30m"],
  [5 * 86_400_000, 86_400_000, "5d"],
  [86_400_000 + 7_200_000, 3_600_000, "1d 2h"],
  [100 * 365 * 86_400_000, 50 * 365 * 86_400_000, "100y"],
  [-40, 20, "−40 ms"],
])("a tick at %s ms, %s apart, reads %s", (ms, step, text) => expect(tickTime(ms, step)).toBe(text));

test.each([
  [999, "999"],
  [1284, "1.3k"],
  [9_960, "10k"],
  [999_400, "999k"],
  [999_600, "1.0M"],
  [12_400_000, "12M"],
])("%s tokens read %s", (n, text) => expect(compact(n)).toBe(text));

test.each([
  [0, "$0"],
  [0.000001, "<$0.00001"],
  [0.000921, "$0.00092"],
  [0.0043, "$0.0043"],
  [0.028, "$0.028"],
  [0.999, "$1.00"],
  [34.44, "$34.44"],
  [12_345.6, "$12,346"],
])("%s dollars read %s", (usd, text) => expect(dollars(usd)).toBe(text));

describe("the cost of a trace", () => {
  test("is unknown when no call has a price", () => expect(cost(null, 3)).toBeNull());
  test("is a lower bound when some have none", () => expect(cost(0.5, 1)).toBe("≥ $0.500"));
});

test("nanoseconds do not disturb the time", () => {
  expect(epoch("2026-11-20T17:13:53.874123456Z")).toBe(Date.UTC(2026, 10, 20, 17, 13, 53, 874));
  expect(epoch("2026-11-20T17:13:53Z")).toBe(Date.UTC(2026, 10, 20, 17, 13, 53));
});

test.each([
  [400, "just now"],
  [12_000, "12 s ago"],
  [200_000, "3 min ago"],
  [7_300_000, "2 h ago"],
  [200_000_000, "2 d ago"],
  [-60_000, "in 1 min"],
])("%s ms back is %s", (back, text) => expect(ago(1e12 - back, 1e12)).toBe(text));

test("a clip never leaves half a character", () => expect(clipped("a🧵b", 2)).toBe("a"));

test("sizes", () => expect([bytes(12), bytes(2048), bytes(400_000), bytes(3_000_000)]).toEqual(["12 B", "2.0 KB", "391 KB", "2.9 MB"]));

test("JSON in a string is indented, half of one is left as it is", () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(pretty('{"half": ')).toBe('{"half": ');
  expect(parsedJson("42")).toBeUndefined();
});
