import { expect, test } from "vitest";
import { meterScale } from "./meter.ts";

test("the longest fills the bar", () => expect(meterScale([1, 5, 10])).toBe(10));
test("one that dwarfs the rest does not shrink them to dots", () => expect(meterScale([...Array.from({ length: 20 }, () => 10), 7200])).toBe(20));
test("an empty list has no scale", () => expect(meterScale([])).toBe(0));
