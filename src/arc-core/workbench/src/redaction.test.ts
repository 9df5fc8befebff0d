import { expect, test } from "vitest";
import { pieces } from "./redaction.ts";

test("placeholders are told from other words in angle brackets", () => {
  expect(pieces("to <EMAIL>, <HTML> and <b>").map((piece) => piece.removed)).toEqual([null, "EMAIL", null]);
});

test("a span's own types count as well", () => {
  expect(pieces("<CUSTOM_ID>", ["CUSTOM_ID"])).toEqual([{ text: "<CUSTOM_ID>", removed: "CUSTOM_ID" }]);
});

test("nothing of the text is lost", () => {
  const text = "<EMAIL><US_SSN_2> x <EMAIL";
  expect(pieces(text).map((piece) => piece.text).join("")).toBe(text);
  expect(pieces("")).toEqual([{ text: "", removed: null }]);
});
