/** Fails when what a first visit loads is over the budgets: 90 KB of JavaScript and 20 KB of CSS, gzipped. */

import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGETS = { ".js": 90 * 1024, ".css": 20 * 1024 };
const dist = new URL("../../arc_core/web/dist/", import.meta.url);
const files = readdirSync(dist, { recursive: true }).filter((name) => /\.\w+$/.test(name));

let over = false;
const totals = {};
for (const file of files) {
  const body = readFileSync(new URL(file, dist));
  const gzipped = gzipSync(body, { level: 9 }).length;
  const ending = Object.keys(BUDGETS).find((each) => file.endsWith(each));
  if (ending) totals[ending] = (totals[ending] ?? 0) + gzipped;
  console.log(`${file.padEnd(58)} ${String(body.length).padStart(8)} ${String(gzipped).padStart(8)} gzip`);
}
for (const [ending, budget] of Object.entries(BUDGETS)) {
  const total = totals[ending] ?? 0;
  over ||= total > budget;
  console.log(`${ending}: ${(total / 1024).toFixed(1)} of ${budget / 1024} KB gzip`);
}
process.exitCode = over ? 1 : 0;
