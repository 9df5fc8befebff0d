/** Everything about the selected span, as one page of sections: nothing hides behind a tab, and find-in-page finds it. */

import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { EventView, LinkView, SpanView, TraceSummary } from "../api.ts";
import { CopyButton, FixMark, RedactionBadge, StatusMark } from "../badges.tsx";
import { dollars, duration, epoch, exact, grouped, parsedJson, plural, pretty } from "../format.ts";
import { Icon } from "../icons.tsx";
import { Link, traceHref } from "../routing.tsx";
import { JsonBlock, Value } from "./content.tsx";
import { FixDiff } from "./fix.tsx";
import { type Message, type Part, readMessage } from "./messages.ts";
import { Inside, isWorthInside } from "./inside.tsx";
import { type Node, own, selfMs, type Totals, type Tree } from "./tree.ts";
import { kindIcon, kindWord } from "./waterfall.tsx";

const CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY";
/** Rows shown before the reader asks for the rest. */
const MOST_MESSAGES = 60;
const MOST_ROWS = 120;

interface Section {
  name: string;
  count?: number;
  body: ComponentChildren;
}

interface DetailsProps {
  tree: Tree;
  at: number;
  trace: TraceSummary;
  onSelect: (at: number) => void;
}

export function Details(props: DetailsProps) {
  const { tree, at } = props;
  const node = tree.nodes[at] as Node;
  const { span } = node;
  const body = useRef<HTMLDivElement>(null);
  const sections = sectionsOf(props);
  const show = (name: string) => {
    body.current?.querySelector(`[data-section="${name}"]`)?.scrollIntoView({ block: "start" });
  };
  return (
    <aside class={`details kind-${kindIcon(span.kind)}`} data-testid="details" data-span-id={span.span_id} aria-label={`Span ${span.name}`}>
      <header>
        <div class="title">
          <span class="kind">
            <Icon name={kindIcon(span.kind)} />
            {kindWord(span.kind)}
          </span>
          <StatusMark status={span.status} />
          {span.fix && <FixMark fix={span.fix} />}
          {span.redactions && <RedactionBadge {...span.redactions} />}
          <span class="id">
            <code>{span.span_id}</code>
            <CopyButton text={span.span_id} label="Copy the span id" />
          </span>
        </div>
        <h2 title={span.name}>{span.name}</h2>
        <nav aria-label="Sections of the span">
          {sections.map(({ name, count }) => (
            <button type="button" key={name} onClick={() => show(name)}>
              {name}
              {count !== undefined && <small>{grouped(count)}</small>}
            </button>
          ))}
        </nav>
      </header>
      <div class="sections" ref={body} tabIndex={0} role="region" data-scrolls aria-label="Details of the span">
        {sections.map(({ name, body }) => (
          <section key={name} data-section={name} aria-label={name}>
            {name !== "Overview" && <h3>{name}</h3>}
            {body}
          </section>
        ))}
      </div>
    </aside>
  );
}

function sectionsOf({ tree, at, trace, onSelect }: DetailsProps): Section[] {
  const { span, end } = tree.nodes[at] as Node;
  const types = span.redactions?.types;
  const list: Section[] = [{ name: "Overview", body: <Overview tree={tree} at={at} trace={trace} /> }];
  if (isWorthInside(tree, at)) list.push({ name: "Inside", count: end - at - 1, body: <Inside tree={tree} at={at} onSelect={onSelect} /> });
  if (span.fix) list.push({ name: "Fix", body: <FixDiff fix={span.fix} types={types} /> });
  const messages = span.input_messages.length + span.output_messages.length;
  if (messages > 0 || span.kind === "llm") {
    list.push({ name: "Messages", count: messages, body: <Messages span={span} /> });
  }
  if (span.events.length > 0) {
    list.push({ name: "Events", count: span.events.length, body: <Events events={span.events} start={span.offset_ms} types={types} /> });
  }
  if (span.links.length > 0) list.push({ name: "Links", count: span.links.length, body: <Links links={span.links} here={trace.trace_id} /> });
  list.push({ name: "Attributes", count: Object.keys(span.attributes).length, body: <Attributes values={span.attributes} types={types} /> });
  list.push({ name: "Resource", count: Object.keys(span.resource).length, body: <Attributes values={span.resource} types={types} /> });
  return list;
}

// Overview

function Overview({ tree, at, trace }: { tree: Tree; at: number; trace: TraceSummary }) {
  const node = tree.nodes[at] as Node;
  const { span, within } = node;
  const self = useMemo(() => selfMs(tree, at), [tree, at]);
  const share = trace.duration_ms > 0 ? (span.duration_ms / (tree.endMs - tree.startMs)) * 100 : 100;
  return (
    <>
      <Failure span={span} />
      {node.stray && (
        <p class="hint">
          {node.stray === "orphan" ? (
            <>
              Its parent <code>{span.parent_id}</code> has not arrived, so that its place in the tree is not known.
            </>
          ) : (
            "Its parents lead back to itself; the tree is cut here."
          )}
        </p>
      )}
      <dl class="pairs">
        <Pair name="Agent" value={span.agent} />
        <Pair name="Model" value={span.model} />
        <Pair name="Tool" value={span.tool} />
        <Pair name="Duration">
          {duration(span.duration_ms)} <small>{share >= 99.95 ? "all" : `${share.toFixed(share < 1 ? 2 : 0)} %`} of the trace</small>
        </Pair>
        {node.end > at + 1 && (
          <Pair name="Self time">
            {duration(self)} <small>outside its {plural(node.end - at - 1, "span")}</small>
          </Pair>
        )}
        <Pair name="Started">
          {exact(epoch(span.started_at))} <small>+{duration(span.offset_ms)}</small>
        </Pair>
        <Spent span={span} within={within} />
        <Pair name="Service" value={span.service} />
        <Pair name="Instrumentation" value={span.scope} />
      </dl>
    </>
  );
}

function Pair({ name, value, children }: { name: string; value?: string | null; children?: ComponentChildren }) {
  if (children === undefined && !value) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children ?? value}</dd>
    </div>
  );
}

/** Tokens and cost: of the call itself, or of the model calls within a span that holds some. */
function Spent({ span, within }: { span: SpanView; within: Totals }) {
  const of = span.kind === "llm" ? own(span) : within;
  if (of.calls === 0) return null;
  const calls = span.kind === "llm" ? null : <small>in {plural(of.calls, "model call")}</small>;
  return (
    <>
      <Pair name="Tokens">
        {grouped(of.inputTokens)} <small>in</small> {grouped(of.outputTokens)} <small>out</small> {calls}
      </Pair>
      <Pair name="Cost">
        {of.unpriced === of.calls ? <span class="unknown">unknown</span> : `${of.unpriced > 0 ? "≥ " : ""}${dollars(of.costUsd)}`}{" "}
        {of.unpriced > 0 && <small>{span.kind === "llm" ? "no price is known for this model" : `${plural(of.unpriced, "call")} without a known price`}</small>}
      </Pair>
    </>
  );
}

function Failure({ span }: { span: SpanView }) {
  const exceptions = span.events.filter((event) => event.name === "exception");
  if (span.status !== "error" && exceptions.length === 0 && !span.status_message) return null;
  const last = exceptions.at(-1)?.attributes ?? {};
  const type = last["exception.type"] ?? span.attributes["error.type"];
  const message = last["exception.message"] || span.status_message;
  const trace = last["exception.stacktrace"];
  const types = span.redactions?.types;
  return (
    <div class={`failure is-${span.status}`}>
      <p>
        <Icon name={span.status === "ok" ? "error" : span.status} />
        <strong>{type || (span.status === "error" ? "Error" : "Note")}</strong>
      </p>
      {message && (
        <p class="message">
          <Value text={message} types={types} />
        </p>
      )}
      {trace && (
        <details open>
          <summary>Stack trace</summary>
          <pre>
            <Value text={trace} types={types} limit={2400} />
          </pre>
        </details>
      )}
    </div>
  );
}

// Messages

function Messages({ span }: { span: SpanView }) {
  const [all, setAll] = useState(false);
  const messages = [
    ...span.input_messages.map((raw) => ({ ...readMessage(raw), output: false })),
    ...span.output_messages.map((raw) => ({ ...readMessage(raw), output: true })),
  ];
  if (messages.length === 0) {
    return (
      <div class="off">
        <p>
          Content capture is off: what was said stays in the process. To record it, redacted before it leaves, run the program with
        </p>
        <div class="command">
          <code>{CAPTURE}</code>
          <CopyButton text={CAPTURE} label="Copy the setting" />
        </div>
      </div>
    );
  }
  // The last ones tell what happened; a long conversation before them can wait.
  const hidden = all ? 0 : Math.max(0, messages.length - MOST_MESSAGES);
  return (
    <div class="chat">
      {hidden > 0 && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          Show {plural(hidden, "earlier message")}
        </button>
      )}
      {messages.slice(hidden).map((message, i) => (
        <Bubble key={i} message={message} output={message.output} types={span.redactions?.types} />
      ))}
    </div>
  );
}

const ROLES: Record<string, string> = { system: "System", user: "User", assistant: "Assistant", tool: "Tool", developer: "Developer" };

function Bubble({ message, output, types }: { message: Message; output: boolean; types: readonly string[] | undefined }) {
  const role = message.role in ROLES ? message.role : "other";
  const unusual = message.finish && message.finish !== "stop" && message.finish !== "tool_call" && message.finish !== "tool_calls";
  return (
    <article class={`bubble from-${role}`} data-testid="message" data-role={message.role}>
      <header>
        <strong>{ROLES[message.role] ?? message.role}</strong>
        {message.name && <span>{message.name}</span>}
        {output && <span class="output">answer</span>}
        {message.finish && <span class={unusual ? "finish bad" : "finish"}>{message.finish}</span>}
      </header>
      {message.parts.map((part, i) => (
        <PartView key={i} part={part} types={types} />
      ))}
      {message.parts.length === 0 && <p class="hint">empty</p>}
    </article>
  );
}

function PartView({ part, types }: { part: Part; types: readonly string[] | undefined }) {
  switch (part.type) {
    case "text":
      return (
        <p class="said">
          <Value text={part.text} types={types} limit={1600} />
        </p>
      );
    case "reasoning":
      return (
        <details class="reasoning">
          <summary>Reasoning</summary>
          <p class="said">
            <Value text={part.text} types={types} limit={2400} />
          </p>
        </details>
      );
    case "tool_call":
    case "tool_call_response":
      return (
        <div class="call">
          <p>
            <Icon name={part.type === "tool_call" ? "tool" : "next"} />
            <strong>{part.name || (part.type === "tool_call" ? "tool call" : "result")}</strong>
            {part.id && <code>{part.id}</code>}
          </p>
          {part.value !== undefined && <Payload value={part.value} types={types} />}
        </div>
      );
    case "other":
      return (
        <div class="call">
          <p>
            <strong>{part.label}</strong>
          </p>
          <JsonBlock value={part.value} types={types} />
        </div>
      );
  }
}

/** JSON as JSON, and a text that is not JSON as text. */
function Payload({ value, types }: { value: unknown; types: readonly string[] | undefined }) {
  if (typeof value !== "string" || parsedJson(value)) return <JsonBlock value={value} types={types} />;
  return (
    <p class="said">
      <Value text={value} types={types} />
    </p>
  );
}

// Attributes, events, links

function Attributes({ values, types }: { values: Record<string, string>; types: readonly string[] | undefined }) {
  const [wanted, setWanted] = useState("");
  const [all, setAll] = useState(false);
  const entries = useMemo(() => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)), [values]);
  const text = wanted.trim().toLowerCase();
  const found = text ? entries.filter(([key, value]) => `${key}\n${value}`.toLowerCase().includes(text)) : entries;
  if (entries.length === 0) return <p class="hint">None.</p>;
  const shown = all ? found : found.slice(0, MOST_ROWS);
  return (
    <>
      {entries.length > 6 && (
        <label class="find">
          <Icon name="search" />
          <span class="unseen">Filter</span>
          <input type="search" value={wanted} placeholder="Filter keys and values" spellcheck={false} onInput={(event) => setWanted(event.currentTarget.value)} />
          {text && <output>{grouped(found.length)}</output>}
        </label>
      )}
      <KeyValues entries={shown} types={types} />
      {found.length === 0 && <p class="hint">No key or value has this text.</p>}
      {found.length > shown.length && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          Show all {grouped(found.length)}
        </button>
      )}
    </>
  );
}

function KeyValues({ entries, types }: { entries: [string, string][]; types: readonly string[] | undefined }) {
  return (
    <table class="values">
      <tbody>
        {entries.map(([key, value]) => {
          const json = parsedJson(value) !== undefined;
          return (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td>
                <div class={json ? "value is-json" : "value"}>
                  <Value text={json ? pretty(value) : value} types={types} limit={600} json={json} />
                </div>
                <CopyButton text={value} label={`Copy ${key}`} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Events({ events, start, types }: { events: EventView[]; start: number; types: readonly string[] | undefined }) {
  return (
    <ol class="events">
      {events.slice(0, MOST_ROWS).map((event, i) => (
        <li key={i}>
          <p>
            <strong>{event.name}</strong>
            <small title="From the start of the span">+{duration(event.offset_ms - start)}</small>
          </p>
          {Object.keys(event.attributes).length > 0 && <KeyValues entries={Object.entries(event.attributes)} types={types} />}
        </li>
      ))}
      {events.length > MOST_ROWS && <li class="hint">and {grouped(events.length - MOST_ROWS)} more</li>}
    </ol>
  );
}

function Links({ links, here }: { links: LinkView[]; here: string }) {
  return (
    <ol class="links">
      {links.map((link, i) => (
        <li key={i}>
          <Link href={traceHref(link.trace_id, link.span_id)}>
            {link.trace_id === here ? "This trace" : <>Trace <code>{link.trace_id.slice(0, 8)}…{link.trace_id.slice(-4)}</code></>}, span <code>{link.span_id}</code>
            <Icon name="next" />
          </Link>
          {Object.keys(link.attributes).length > 0 && <KeyValues entries={Object.entries(link.attributes)} types={undefined} />}
        </li>
      ))}
    </ol>
  );
}
