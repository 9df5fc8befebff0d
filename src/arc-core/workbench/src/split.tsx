import { useRef, useState } from "preact/hooks";

interface SplitProps {
  label: string;
  /** Where the position is kept between visits. */
  store: string;
  start: number;
  least: number;
  most: number;
  /** Receives the position in percent of the parent's width. */
  onMove: (percent: number) => void;
}

/** The position a split was left at, in percent. */
export function storedSplit(store: string, start: number): number {
  try {
    const percent = Number(localStorage.getItem(store));
    return percent > 0 && percent < 100 ? percent : start;
  } catch {
    return start;
  }
}

/** A handle between two panes: drag it, or move it with the arrow keys; a double click puts it back. */
export function Split({ label, store, start, least, most, onMove }: SplitProps) {
  const [percent, setPercent] = useState(() => storedSplit(store, start));
  const handle = useRef<HTMLDivElement>(null);
  const move = (to: number) => {
    const next = Math.round(Math.min(most, Math.max(least, to)) * 10) / 10;
    setPercent(next);
    onMove(next);
    try {
      localStorage.setItem(store, String(next));
    } catch {
      // Storage is blocked: the position lasts as long as the page.
    }
  };
  const drag = (event: PointerEvent) => {
    const area = handle.current?.parentElement?.getBoundingClientRect();
    if (area && handle.current?.hasPointerCapture(event.pointerId)) move(((event.clientX - area.left) / area.width) * 100);
  };
  const key = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? -2 : event.key === "ArrowRight" ? 2 : 0;
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    move(percent + by);
  };
  return (
    <div
      ref={handle}
      class="split"
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={Math.round(percent)}
      aria-valuemin={least}
      aria-valuemax={most}
      tabIndex={0}
      style={{ left: `${percent}%` }}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onDblClick={() => move(start)}
      onKeyDown={key}
    />
  );
}
