/** Numbers and times as people read them. Pure. */

export const DAY = 86_400_000;
export const YEAR = 365 * DAY;

/** `842 ms`, `12.4 s`, `3m 12s`, `5h 07m`, `12d 3h`, `4y 200d`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms === 0) return "0 ms";
  if (ms < 0.9995) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 9.995) return `${trim(ms.toFixed(2))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 6000) return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
  const hours = Math.round(ms / 3_600_000);
  if (hours < 24 * 730) return `${Math.floor(hours / 24)}d ${hours % 24}h`;
  const days = Math.round(ms / DAY);
  return `${grouped(Math.floor(days / 365))}y ${days % 365}d`;
}

/** A time on an axis whose ticks are `step` apart: with as many digits as tell one tick from the next. */
export function tickTime(ms: number, step: number): string {
  if (ms < 0) return `−${tickTime(-ms, step)}`;
  if (ms === 0) return "0";
  if (ms < 1) return `${trim((ms * 1000).toFixed(digits(step * 1000)))} µs`;
  if (ms < 1000) return `${trim(ms.toFixed(digits(step)))} ms`;
  if (ms < 60_000) return `${trim((ms / 1000).toFixed(digits(step / 1000)))} s`;
  // Ticks of milliseconds may come a hair below the second they stand for.
  const seconds = Number((ms / 1000).toFixed(digits(step / 1000)));
  const units: [string, number][] = [["y", YEAR / 1000], ["d", DAY / 1000], ["h", 3600], ["m", 60]];
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, length] of units) {
    const n = Math.floor(rest / length);
    rest -= n * length;
    if (n > 0) parts.push(`${grouped(n)}${unit}`);
  }
  const last = trim(rest.toFixed(digits(step / 1000)));
  if (last !== "0") parts.push(`${last}s`);
  return parts.join(" ");
}

function digits(step: number): number {
  return Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function pad(n: number, width = 2): string {
  return String(n).padStart(width, "0");
}

const GROUPED = new Intl.NumberFormat("en-US");

/** `1,234`. */
export function grouped(n: number): string {
  return GROUPED.format(n);
}

/** `1.2k`: at most four characters up to a billion. */
export function compact(n: number): string {
  if (n < 1000) return String(n);
  if (n < 999_500) return `${n < 9_950 ? (n / 1000).toFixed(1) : Math.round(n / 1000)}k`;
  return `${n < 9_950_000 ? (n / 1e6).toFixed(1) : Math.round(n / 1e6)}M`;
}

/** `$1.24`, with as many digits below a cent as tell the first two that count. */
export function dollars(usd: number): string {
  if (usd === 0) return "$0";
  if (usd >= 1000) return `$${grouped(Math.round(usd))}`;
  if (usd >= 0.995) return `$${usd.toFixed(2)}`;
  if (usd >= 0.01) return `$${usd.toFixed(3)}`;
  if (usd < 0.00001) return "<$0.00001";
  return `$${usd.toFixed(Math.min(6, 1 - Math.floor(Math.log10(usd))))}`;
}

/** The cost of a trace: null when no call has a known price, a lower bound when some have not. */
export function cost(usd: number | null, unpriced: number): string | null {
  if (usd === null) return null;
  return unpriced > 0 ? `≥ ${dollars(usd)}` : dollars(usd);
}

export function bytes(length: number): string {
  if (length < 1024) return `${length} B`;
  return length < 1024 * 1024 ? `${(length / 1024).toFixed(length < 10_240 ? 1 : 0)} KB` : `${(length / 1048576).toFixed(1)} MB`;
}

/** Milliseconds since the epoch of an RFC 3339 time; digits past the millisecond, which not every browser reads, are left out. */
export function epoch(rfc3339: string): number {
  return Date.parse(rfc3339.replace(/(\.\d{3})\d+/, "$1"));
}

/** `12 s ago`, `3 min ago`, `2 h ago`, then the day. */
export function ago(then: number, now: number): string {
  const seconds = Math.round((now - then) / 1000);
  if (Number.isNaN(seconds)) return "–";
  if (seconds < -5) return `in ${plainly(-seconds)}`;
  if (seconds < 2) return "just now";
  if (seconds < 7 * 86_400) return `${plainly(seconds)} ago`;
  return day(then);
}

function plainly(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function day(then: number): string {
  const d = new Date(then);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

/** `2026-11-20 17:13:53.874 +01:00`, in the zone of the reader. */
export function exact(then: number): string {
  const d = new Date(then);
  if (Number.isNaN(d.getTime())) return "–";
  const zone = -d.getTimezoneOffset();
  const sign = zone < 0 ? "−" : "+";
  const offset = zone === 0 ? "UTC" : `${sign}${pad(Math.floor(Math.abs(zone) / 60))}:${pad(Math.abs(zone) % 60)}`;
  return `${day(then)} ${clock(then)} ${offset}`;
}

/** `17:13:53.874`. */
export function clock(then: number): string {
  const d = new Date(then);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** Indented JSON; a string that holds JSON is read first, any other is given as it is. */
export function pretty(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2) ?? "";
  const parsed = parsedJson(value);
  return parsed === undefined ? value : JSON.stringify(parsed, null, 2);
}

/** The object or array that `text` holds as JSON. */
export function parsedJson(text: string): object | undefined {
  const first = text.trimStart()[0];
  if (first !== "{" && first !== "[") return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

/** The first `limit` UTF-16 units of `text`, never half a character. */
export function clipped(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
