import type { ComponentChildren } from "preact";

const PATHS = {
  // Kinds of spans
  job: <path d="M12 3 3 7.8l9 4.8 9-4.8L12 3ZM3 12.4l9 4.8 9-4.8M3 16.6l9 4.8 9-4.8" />,
  run: (
    <>
      <rect x="4" y="8" width="16" height="12" rx="3.5" />
      <path d="M12 8V3.5M9 13.5v1.5M15 13.5v1.5" />
    </>
  ),
  llm: <path d="M12 3c.7 5.4 3.6 8.3 9 9-5.4.7-8.3 3.6-9 9-.7-5.4-3.6-8.3-9-9 5.4-.7 8.3-3.6 9-9Z" />,
  tool: (
    <path d="M20.4 7.1a5.4 5.4 0 0 1-7.2 7L7 20.3a2.3 2.3 0 0 1-3.3-3.3l6.2-6.2a5.4 5.4 0 0 1 7-7.2l-3.3 3.3.5 3 3 .5 3.3-3.3Z" />
  ),
  action: (
    <>
      <circle cx="12" cy="7.5" r="4" />
      <path d="M4.5 21c.4-4.4 3.4-7 7.5-7s7.1 2.6 7.5 7" />
    </>
  ),
  other: <circle cx="12" cy="12" r="4.5" />,
  // Statuses
  ok: <path d="m5 12.5 4.6 4.7L19 7.3" />,
  error: (
    <>
      <path d="M8.2 3h7.6L21 8.2v7.6L15.8 21H8.2L3 15.8V8.2L8.2 3Z" />
      <path d="M12 7.8v5M12 16.2v.1" />
    </>
  ),
  interrupted: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M9.8 8.8v6.4M14.2 8.8v6.4" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="m6 18 12-12" />
    </>
  ),
  running: <path d="M12 3a9 9 0 1 1-9 9" />,
  // Marks
  fix: (
    <g transform="rotate(-45 12 12)">
      <rect x="1.5" y="7" width="21" height="10" rx="5" />
      <path d="M8.5 7v10M15.5 7v10M12 11v.1M12 13.4v.1" />
    </g>
  ),
  redaction: (
    <path d="M10.2 5.7c.6-.1 1.2-.2 1.8-.2 5 0 8.4 4 9.5 6.5a13.5 13.5 0 0 1-2.5 3.6M6.5 7.3A12.5 12.5 0 0 0 2.5 12c1.1 2.5 4.5 6.5 9.5 6.5 2 0 3.7-.6 5.1-1.5M9.9 10a2.9 2.9 0 0 0 4.1 4.1M3.5 3.5l17 17" />
  ),
  stray: <path d="M9.5 14.5 7.2 16.8a3.6 3.6 0 0 1-5-5L4.5 9.5M14.5 9.5l2.3-2.3a3.6 3.6 0 0 1 5 5l-2.3 2.3M8 4l1 3M4 8l3 1M16 20l-1-3M20 16l-3-1" />,
  // Controls
  search: (
    <>
      <circle cx="10.5" cy="10.5" r="6.5" />
      <path d="m15.5 15.5 5 5" />
    </>
  ),
  refresh: <path d="M20 11.5A8 8 0 1 0 18 17.3M20.3 5.5v6h-6" />,
  sun: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4" />
    </>
  ),
  moon: <path d="M20.5 14.2A8.8 8.8 0 0 1 9.8 3.5a8.8 8.8 0 1 0 10.7 10.7Z" />,
  keyboard: (
    <>
      <rect x="2.5" y="6" width="19" height="12.5" rx="2.5" />
      <path d="M6.5 10v.1M10.2 10v.1M13.8 10v.1M17.5 10v.1M8 14.5h8" />
    </>
  ),
  copy: (
    <>
      <rect x="8.5" y="8.5" width="12" height="12" rx="2.5" />
      <path d="M5 15.5A2 2 0 0 1 3.5 13.6V6A2.5 2.5 0 0 1 6 3.5h7.6A2 2 0 0 1 15.5 5" />
    </>
  ),
  chevron: <path d="m9 6 6 6-6 6" />,
  back: <path d="M19.5 12h-15M11 5.5 4.5 12l6.5 6.5" />,
  next: <path d="M4.5 12h15M13 5.5l6.5 6.5-6.5 6.5" />,
  close: <path d="M6 6l12 12M18 6 6 18" />,
  away: <path d="M3 3l18 18M8.5 15.5a5 5 0 0 1 6 0M5.5 12a9.5 9.5 0 0 1 4-2.3M13.8 9.5a9.5 9.5 0 0 1 4.7 2.5M2.5 8.5a14 14 0 0 1 4-2.6M10.5 4.8a14 14 0 0 1 11 3.7M12 19.3v.1" />,
} satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof PATHS;

/** A decorative drawing in the colour of the text; the word beside it, or the label around it, says what it means. */
export function Icon({ name, class: extra }: { name: IconName; class?: string }) {
  return (
    <svg class={extra ? `icon ${extra}` : "icon"} viewBox="0 0 24 24" aria-hidden="true">
      {PATHS[name]}
    </svg>
  );
}
