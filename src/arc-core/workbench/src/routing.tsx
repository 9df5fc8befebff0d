/** The address bar as one signal: every state of the workbench that is worth sharing is in it. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";

interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());

let pending: { href: string; timer: ReturnType<typeof setTimeout> } | null = null;

function settle(write: boolean): void {
  if (!pending) return;
  clearTimeout(pending.timer);
  if (write) history.replaceState(null, "", pending.href);
  pending = null;
}

addEventListener("popstate", () => {
  settle(false);
  place.value = here();
});

export function go(href: string): void {
  settle(true);
  history.pushState(null, "", href);
  place.value = here();
}

/** Like `go`, in place of the present history entry.
 *
 * The address bar follows a moment later: a held arrow key writes 30 times a second, and browsers refuse
 * (Safari: throw) past 100 writes in 30 s.
 */
export function rewrite(href: string): void {
  settle(false);
  pending = { href, timer: setTimeout(() => settle(true), 120) };
  const url = new URL(href, location.href);
  place.value = { path: url.pathname, query: url.searchParams };
}

/** `query` with `changes`; a null or empty value takes the name out. */
export function withQuery(query: URLSearchParams, changes: Record<string, string | null>): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  return text && `?${text}`;
}

export function traceHref(traceId: string, spanId?: string): string {
  return `/traces/${encodeURIComponent(traceId)}${spanId ? `?span=${encodeURIComponent(spanId)}` : ""}`;
}

/** Whether a click asks for this tab, not for a new one or a download. */
export function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
}

export function Link({ href, ...rest }: JSX.IntrinsicElements["a"] & { href: string }) {
  const follow = (event: MouseEvent) => {
    if (!isPlainClick(event) || event.defaultPrevented) return;
    event.preventDefault();
    go(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}
