import { signal } from "@preact/signals";

const KEY = "arc.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export type Theme = "light" | "dark";

function system(): Theme {
  return dark.matches ? "dark" : "light";
}

function chosen(): Theme | undefined {
  return document.documentElement.dataset["theme"] as Theme | undefined;
}

export const theme = signal<Theme>(chosen() ?? system());

dark.addEventListener("change", () => {
  theme.value = chosen() ?? system();
});

/** The other theme; choosing what the system has anyway goes back to following the system. */
export function toggleTheme(): void {
  const next: Theme = theme.value === "dark" ? "light" : "dark";
  const root = document.documentElement;
  if (next === system()) delete root.dataset["theme"];
  else root.dataset["theme"] = next;
  try {
    if (next === system()) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
  theme.value = next;
}
