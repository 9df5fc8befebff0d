import { signal } from "@preact/signals";

/** Now, to the second; only the texts that read it are drawn again. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
