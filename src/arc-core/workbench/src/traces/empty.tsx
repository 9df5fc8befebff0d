import { CopyButton } from "../badges.tsx";
import { Icon } from "../icons.tsx";
import { Link } from "../routing.tsx";

export function EmptyStore() {
  const commands = `ARC_ENDPOINT=${location.origin} opentelemetry-instrument python app.py`;
  return (
    <section class="empty">
      <svg class="drawing" viewBox="0 0 240 84" aria-hidden="true">
        <path d="M20 14h200M44 34h120M68 54h64M148 54h56M68 74h28" />
        <path class="live" d="M20 14h120M44 34h60M68 54h64" />
      </svg>
      <h2>No traces yet</h2>
      <p>Run your agent with Arc's instrumentation. No code changes, and its trace shows up here as it arrives.</p>
      <Command text={commands} />
      <p>No agent at hand? Record a multi-agent run, with a failure and its fix:</p>
      <Command text="arc demo" />
      <p class="hint">
        <span class="pulse" /> Waiting for the first span at <code>{location.origin}</code>
      </p>
    </section>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <CopyButton text={text} label="Copy the command" />
    </div>
  );
}

export function NoMatch() {
  return (
    <section class="empty">
      <Icon name="search" class="large" />
      <h2>No trace matches</h2>
      <p>
        Nothing has this service, status and text. <Link href="/">Clear the filters</Link>
      </p>
    </section>
  );
}
