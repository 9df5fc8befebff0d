import type { ComponentChildren } from "preact";
import { KeyboardSheet, KeyDialog, keysShown } from "./dialogs.tsx";
import { Icon } from "./icons.tsx";
import { useShortcuts } from "./keyboard.ts";
import { Link, place } from "./routing.tsx";
import { theme, toggleTheme } from "./theme.ts";
import { TraceScreen } from "./trace/screen.tsx";
import { TraceList } from "./traces/list.tsx";

export function App() {
  useShortcuts({
    "?": () => (keysShown.value = true),
    t: toggleTheme,
  });
  return (
    <>
      <Screen path={place.value.path} />
      <KeyboardSheet />
      <KeyDialog />
    </>
  );
}

function Screen({ path }: { path: string }) {
  if (path === "/" || path === "/traces" || path === "/traces/") return <TraceList />;
  const traceId = /^\/traces\/([^/]+)\/?$/.exec(path)?.[1];
  if (traceId) return <TraceScreen key={traceId} traceId={decoded(traceId)} />;
  return (
    <Page crumbs={null}>
      <main class="notice">
        <h1>There is nothing at this address</h1>
        <p>
          <Link href="/">All traces</Link>
        </p>
      </main>
    </Page>
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The frame around a screen. */
export function Page({ crumbs, children }: { crumbs: ComponentChildren; children: ComponentChildren }) {
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <div class="page">
      <header class="top">
        <Link href="/" class="logo" aria-label="Arc, all traces">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 18a8 8 0 0 1 16 0" />
            <circle cx="12" cy="18" r="2.2" />
          </svg>
          Arc
        </Link>
        <nav aria-label="Where you are">{crumbs}</nav>
        <button type="button" class="bare" onClick={() => (keysShown.value = true)} title="Keyboard (?)" aria-label="Keyboard">
          <Icon name="keyboard" />
        </button>
        <button
          type="button"
          class="bare"
          onClick={toggleTheme}
          data-testid="theme-toggle"
          title={`Switch to ${other} (t)`}
          aria-label={`Switch to ${other}`}
        >
          <Icon name={theme.value === "dark" ? "sun" : "moon"} />
        </button>
      </header>
      {children}
    </div>
  );
}
