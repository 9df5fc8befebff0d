/** What happened below a span: who took what, and where to look. */

import { useMemo } from "preact/hooks";
import { FixMark } from "../badges.tsx";
import { isApplied } from "../fixes.ts";
import { compact, dollars, duration, grouped } from "../format.ts";
import { Icon } from "../icons.tsx";
import { type AgentTotals, byAgent, type Node, notable, type Tree } from "./tree.ts";
import { kindIcon } from "./waterfall.tsx";

const MOST = 12;

/** Whether there is anything to tell about what is below the span at `at`. */
export function isWorthInside(tree: Tree, at: number): boolean {
  return byAgent(tree, at).length > 1 || notable(tree, at, 1).places.length > 0;
}

export function Inside({ tree, at, onSelect }: { tree: Tree; at: number; onSelect: (at: number) => void }) {
  const agents = useMemo(() => byAgent(tree, at), [tree, at]);
  const { places, more } = useMemo(() => notable(tree, at, MOST), [tree, at]);
  return (
    <div class="inside">
      {agents.length > 1 && <Agents agents={agents} />}
      {places.length > 0 && (
        <ul>
          {places.map((place) => (
            <Notable key={place} node={tree.nodes[place] as Node} onSelect={() => onSelect(place)} />
          ))}
          {more > 0 && <li class="hint">and {grouped(more)} more: the key e goes from error to error</li>}
        </ul>
      )}
      {places.length === 0 && <p class="hint">No failure, and no fix.</p>}
    </div>
  );
}

function Agents({ agents }: { agents: AgentTotals[] }) {
  return (
    <table class="agents">
      <thead>
        <tr>
          <th scope="col">Agent</th>
          <th scope="col">Time</th>
          <th scope="col">Calls</th>
          <th scope="col">Tokens</th>
          <th scope="col">Cost</th>
          <th scope="col">Errors</th>
        </tr>
      </thead>
      <tbody>
        {agents.map((each) => (
          <tr key={each.agent}>
            <th scope="row">{each.agent}</th>
            <td>{each.runs > 0 ? duration(each.runMs) : "–"}</td>
            <td>{grouped(each.calls)}</td>
            <td>{compact(each.inputTokens + each.outputTokens)}</td>
            <td>{each.calls === 0 ? "–" : each.unpriced === each.calls ? <span class="unknown">unknown</span> : `${each.unpriced ? "≥ " : ""}${dollars(each.costUsd)}`}</td>
            <td class={each.errors > 0 ? "bad" : ""}>{each.errors > 0 ? grouped(each.errors) : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Notable({ node: { span }, onSelect }: { node: Node; onSelect: () => void }) {
  const what = span.status === "error" ? span.status_message || "failed" : span.fix && isApplied(span.fix) ? span.fix.ids.join(", ") : span.status_message || "waits for an answer";
  return (
    <li>
      <button type="button" class={`notable kind-${kindIcon(span.kind)} is-${span.status}`} onClick={onSelect}>
        <span class="kind">
          <Icon name={kindIcon(span.kind)} />
        </span>
        <strong>{span.name}</strong>
        <span class="why">{what}</span>
        {span.fix && <FixMark fix={span.fix} />}
        {span.status !== "ok" && (
          <span class={`status is-${span.status}`}>
            <Icon name={span.status} />
            <span class="unseen">{span.status}</span>
          </span>
        )}
      </button>
    </li>
  );
}
