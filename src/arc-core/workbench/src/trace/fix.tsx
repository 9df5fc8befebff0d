import type { Change, Fix } from "../api.ts";
import { Redacted } from "../badges.tsx";
import { pretty } from "../format.ts";

const MODES: Record<string, string> = {
  on: "The request was changed before it was sent.",
  canary: "On trial: this call was in the part that is mended.",
  shadow: "Only watched: this is what would have changed; the request was sent as it was.",
  control: "On trial: this call was in the control group, and sent as it was.",
};
const TRIGGERS: Record<string, string> = { before: "before the request", after_error: "after the provider refused" };
const VERBS: Record<string, string> = { set: "set", delete: "removed", rename: "renamed", rewrite: "rewritten" };

/** What a fix did to a request, as a diff of the wire body. */
export function FixDiff({ fix, types }: { fix: Fix; types: readonly string[] | undefined }) {
  return (
    <div class={`fix is-${fix.mode}`} data-testid="fix-diff">
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
          <dt>Applied</dt>
          <dd>{TRIGGERS[fix.trigger] ?? fix.trigger}</dd>
        </div>
        <div>
          <dt>Outcome</dt>
          <dd class={fix.outcome === "ok" ? "good" : fix.outcome === "error" ? "bad" : ""}>{fix.outcome}</dd>
        </div>
      </dl>
      {fix.changes.length > 0 ? (
        <div class="diff">
          {fix.changes.map((change, i) => (
            <Lines key={i} change={change} types={types} />
          ))}
        </div>
      ) : (
        <p class="hint">No field is recorded as changed.</p>
      )}
      {MODES[fix.mode] && <p class="hint">{fix.trigger === "after_error" && fix.mode === "on" ? "The provider refused the request; it was changed and sent once more." : MODES[fix.mode]}</p>}
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
