import type { Change, Fix } from "../api.ts";
import { Redacted } from "../badges.tsx";
import { isApplied } from "../fixes.ts";
import { pretty } from "../format.ts";

const MODES: Record<string, string> = {
  on: "The request was changed before it was sent.",
  canary: "On trial: this call was in the part that is mended.",
};
const WATCHED: Record<string, string> = {
  shadow: "The fix is only watched: this is what it would have changed.",
  control: "The fix is on trial, and this call was in its control group.",
};
const TRIGGERS: Record<string, string> = { before: "before the request", after_error: "after the provider refused", after_answer: "after an answer that was not as demanded" };
const VERBS: Record<string, string> = { set: "set", delete: "removed", rename: "renamed", rewrite: "rewritten" };

/** What a fix did, or would have done, to a request, as a diff of the wire body. */
export function FixDiff({ fix, types }: { fix: Fix; types: readonly string[] | undefined }) {
  const applied = isApplied(fix);
  return (
    <div class={applied ? "fix" : "fix is-watched"} data-testid="fix-diff">
      <dl class="facts">
        <div class="wide">
          <dt>{fix.ids.length === 1 ? "Fix" : "Fixes"}</dt>
          <dd>
            {fix.ids.map((id) => (
              <code key={id}>{id}</code>
            ))}
          </dd>
        </div>
        <div>
          <dt>Mode</dt>
          <dd>{fix.mode}</dd>
        </div>
        <div>
          <dt>When</dt>
          <dd>{TRIGGERS[fix.trigger] ?? fix.trigger}</dd>
        </div>
        <div>
          <dt>Outcome</dt>
          <dd class={!applied ? "" : fix.outcome === "ok" ? "good" : fix.outcome === "error" ? "bad" : ""}>{fix.outcome}</dd>
        </div>
      </dl>
      {!applied && (
        <p class="unchanged">
          <strong>The request was sent unchanged.</strong> {WATCHED[fix.mode]}
        </p>
      )}
      {fix.changes.length > 0 ? (
        <div class="diff">
          {fix.changes.map((change, i) => (
            <Lines key={i} change={change} types={types} />
          ))}
        </div>
      ) : (
        <p class="hint">{applied ? "No field is recorded as changed." : "What it would have changed is not recorded."}</p>
      )}
      {applied && MODES[fix.mode] && <p class="hint">{fix.trigger === "after_error" && fix.mode === "on" ? "The provider refused the request; it was changed and sent once more." : MODES[fix.mode]}</p>}
    </div>
  );
}

function Lines({ change, types }: { change: Change; types: readonly string[] | undefined }) {
  const hasOld = "old" in change;
  const hasNew = "new" in change;
  return (
    <div class="change">
      <div class="path">
        <code>{change.path}</code>
        <span>{VERBS[change.op ?? "set"] ?? change.op}</span>
      </div>
      {hasOld && (
        <div class="line is-old">
          <span class="sign">-</span>
          <del>
            <Redacted text={literal(change.old)} types={types} />
          </del>
        </div>
      )}
      {hasNew && (
        <div class="line is-new">
          <span class="sign">+</span>
          <ins>
            <Redacted text={literal(change.new)} types={types} />
          </ins>
        </div>
      )}
      {!hasOld && !hasNew && <div class="line is-unknown">The values were not captured.</div>}
    </div>
  );
}

/** As it stands in the request: a string in quotes, so that `"1"` and `1` differ. */
function literal(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : pretty(value);
}
