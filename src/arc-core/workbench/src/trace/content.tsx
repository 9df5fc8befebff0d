/** Values of any size and origin, always as text nodes: nothing here is read as HTML. */

import { useState } from "preact/hooks";
import { CopyButton, Redacted } from "../badges.tsx";
import { bytes, clipped, pretty } from "../format.ts";
import { pieces } from "../redaction.ts";

const CLIP = 1200;
/** Past this, colouring would cost more than it tells. */
const COLOURED = 20_000;

interface ValueProps {
  text: string;
  types?: readonly string[] | undefined;
  limit?: number;
  json?: boolean;
}

/** `text`, cut at `limit` until the reader asks for the rest. */
export function Value({ text, types, limit = CLIP, json = false }: ValueProps) {
  const [all, setAll] = useState(false);
  const long = text.length > limit * 1.2;
  const shown = all || !long ? text : clipped(text, limit);
  return (
    <>
      {json && shown.length <= COLOURED ? <Json text={shown} types={types} /> : <Redacted text={shown} types={types} />}
      {long && !all && "…"}
      {long && (
        <button type="button" class="more" onClick={() => setAll(!all)}>
          {all ? "Show less" : `Show all (${bytes(text.length)})`}
        </button>
      )}
    </>
  );
}

/** A block of JSON, indented, with a copy button. */
export function JsonBlock({ value, types }: { value: unknown; types?: readonly string[] | undefined }) {
  const text = pretty(value);
  return (
    <div class="block">
      <pre>
        <Value text={text} types={types} json />
      </pre>
      <CopyButton text={text} label="Copy" />
    </div>
  );
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function Json({ text, types }: { text: string; types: readonly string[] | undefined }) {
  const out = [];
  let from = 0;
  let key = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > from) out.push(text.slice(from, match.index));
    const [whole, string, colon] = match;
    if (string !== undefined && colon !== undefined) {
      out.push(
        <span key={key++} class="j-key">
          {string}
        </span>,
        colon,
      );
    } else if (string !== undefined) {
      const marked = pieces(string, types).some((piece) => piece.removed);
      out.push(
        <span key={key++} class="j-string">
          {marked ? <Redacted text={string} types={types} /> : string}
        </span>,
      );
    } else {
      out.push(
        <span key={key++} class="j-atom">
          {whole}
        </span>,
      );
    }
    from = match.index + whole.length;
  }
  out.push(text.slice(from));
  return <>{out}</>;
}
