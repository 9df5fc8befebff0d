/** The small marks both screens share. */

import { useRef, useState } from "preact/hooks";
import type { Status } from "./api.ts";
import { plural } from "./format.ts";
import { Icon } from "./icons.tsx";
import { pieces } from "./redaction.ts";

const WORDS: Record<Status, string> = {
  ok: "OK",
  error: "Error",
  interrupted: "Interrupted",
  cancelled: "Cancelled",
  running: "Running",
};

export function StatusMark({ status }: { status: Status }) {
  return (
    <span class={`status is-${status}`} data-testid="status" data-status={status}>
      <Icon name={status in WORDS ? status : "other"} />
      {WORDS[status] ?? status}
    </span>
  );
}

export function FixBadge({ count }: { count: number }) {
  return (
    <span class="badge is-fix" title={`${plural(count, "model call")} mended by a fix`}>
      <Icon name="fix" />
      {count}
      <span class="unseen">{count === 1 ? " fix" : " fixes"}</span>
    </span>
  );
}

export function RedactionBadge({ count, types }: { count: number; types?: readonly string[] }) {
  const what = types?.length ? ` (${types.join(", ")})` : "";
  return (
    <span class="badge is-redaction" title={`${plural(count, "value")} removed before leaving the process${what}`}>
      <Icon name="redaction" />
      {count}
      <span class="unseen">{count === 1 ? " redaction" : " redactions"}</span>
    </span>
  );
}

/** Text with the placeholders of redaction marked. */
export function Redacted({ text, types }: { text: string; types?: readonly string[] | undefined }) {
  return (
    <>
      {pieces(text, types).map((piece, i) =>
        piece.removed ? (
          <mark key={i} class="redacted" data-testid="redaction-mark" title={`${piece.removed}: removed before it left the process`}>
            {piece.text}
          </mark>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const copy = async (event: Event) => {
    event.stopPropagation();
    if (!(await copyText(text))) return;
    clearTimeout(timer.current);
    setCopied(true);
    timer.current = setTimeout(() => setCopied(false), 1400);
  };
  return (
    <button type="button" class={copied ? "bare copy is-done" : "bare copy"} onClick={copy} title={label} aria-label={copied ? "Copied" : label}>
      <Icon name={copied ? "ok" : "copy"} />
    </button>
  );
}

/** Whether `text` is on the clipboard; over plain HTTP off loopback there is only the old way. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
