/** The small marks both screens share. */

import { useRef, useState } from "preact/hooks";
import type { Fix, Status } from "./api.ts";
import { isApplied } from "./fixes.ts";
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

export function FixBadge({ count, title = `${plural(count, "model call")} mended by a fix` }: { count: number; title?: string }) {
  return (
    <span class="badge is-fix" data-testid="fix-applied" title={title}>
      <Icon name="fix" />
      {count}
      <span class="unseen">{count === 1 ? " fix" : " fixes"}</span>
    </span>
  );
}

/** For calls that matched a fix and were sent as they were. */
export function WatchedBadge({ count, title = `${plural(count, "model call")} matched a fix, and sent unchanged` }: { count: number; title?: string }) {
  return (
    <span class="badge is-watched" data-testid="fix-watched" title={title}>
      <Icon name="fix" />
      {count > 1 && count} watched
    </span>
  );
}

/** The fix of one call, as what it was. */
export function FixMark({ fix }: { fix: Fix }) {
  return isApplied(fix) ? <FixBadge count={fix.ids.length || 1} title={`Mended by ${fix.ids.join(", ")}`} /> : <WatchedBadge count={1} title={`Sent unchanged; ${fix.mode} of ${fix.ids.join(", ")}`} />;
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
