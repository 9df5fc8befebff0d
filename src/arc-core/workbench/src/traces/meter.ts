/** The duration that fills a bar of the list. Pure.
 *
 * The longest one, unless it dwarfs the rest: then nine in ten bars would be a dot, so the scale is twice what nine in
 * ten stay under, and the longer bars are cut.
 */
export function meterScale(durations: readonly number[]): number {
  const sorted = durations.toSorted((a, b) => a - b);
  const longest = sorted.at(-1) ?? 0;
  const most = sorted[Math.floor((sorted.length - 1) * 0.9)] ?? 0;
  return most > 0 && longest > most * 4 ? most * 2 : longest;
}
