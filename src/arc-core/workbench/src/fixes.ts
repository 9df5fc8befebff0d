/** What may be said of a fix. Pure. */

import type { Fix } from "./api.ts";

/** Whether the request was changed: in shadow, and in the control group of a trial, it was sent as it was. */
export function isApplied({ mode }: Pick<Fix, "mode">): boolean {
  return mode !== "shadow" && mode !== "control";
}
