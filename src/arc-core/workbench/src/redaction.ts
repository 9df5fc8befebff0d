/** Placeholders that stand where Arc took a value out. Pure. */

/** The types of Arc's own rules; a span names those of the user's rules. */
const TYPES = ["CARD", "EMAIL", "PHONE", "SECRET", "US_SSN"];

export interface Piece {
  text: string;
  /** The type that was removed here, e.g. `EMAIL`. */
  removed: string | null;
}

const PLACEHOLDER = /<([A-Z][A-Z0-9_]{1,40}?)(?:_\d+)?>/g;

/** `text` cut at its placeholders: those of `types` and of Arc's own rules, so that `<HTML>` stays text. */
export function pieces(text: string, types: readonly string[] = []): Piece[] {
  const list: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const type = match[1] as string;
    if (!TYPES.includes(type) && !types.includes(type)) continue;
    if (match.index > from) list.push({ text: text.slice(from, match.index), removed: null });
    list.push({ text: match[0], removed: type });
    from = match.index + match[0].length;
  }
  if (from < text.length || list.length === 0) list.push({ text: text.slice(from), removed: null });
  return list;
}
