import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isSendable, keyQuestion, type KeyQuestion } from "./api.ts";
import { Icon } from "./icons.tsx";

function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" class="bare" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

/** Asks for the API key that Core wants, for as long as a request waits for it. */
export function KeyDialog() {
  const question = keyQuestion.value;
  return question && <KeyForm question={question} />;
}

function KeyForm({ question }: { question: KeyQuestion }) {
  const [unsendable, setUnsendable] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get("key") ?? "").trim();
    if (isSendable(key)) question.answer(key);
    else setUnsendable(true);
  };
  return (
    <Dialog title="API key" onClose={() => question.answer(null)}>
      <form class="key" onSubmit={submit}>
        <p>
          {question.refused
            ? "Arc Core refused that key, and it was not kept. Try another."
            : "This Arc Core asks for an API key. It is kept until you close the tab."}
        </p>
        <input
          name="key"
          type="password"
          autocomplete="off"
          required
          aria-label="API key"
          aria-invalid={question.refused || unsendable}
          aria-describedby={unsendable ? "key-complaint" : undefined}
          autofocus
          onInput={() => setUnsendable(false)}
        />
        {unsendable && (
          <p id="key-complaint" class="complaint" role="alert">
            A key has only letters, digits and signs of ASCII, and no spaces.
          </p>
        )}
        <button type="submit" class="primary">
          Continue
        </button>
      </form>
    </Dialog>
  );
}

export const keysShown = signal(false);

const KEYS: [string, [string[], string][]][] = [
  [
    "Everywhere",
    [
      [["?"], "This sheet"],
      [["t"], "Light or dark"],
      [["r"], "Refresh"],
      [["/"], "Search"],
    ],
  ],
  [
    "Traces",
    [
      [["j", "↓"], "Next trace"],
      [["k", "↑"], "Previous trace"],
      [["Enter"], "Open the trace"],
    ],
  ],
  [
    "One trace",
    [
      [["j", "↓"], "Next span"],
      [["k", "↑"], "Previous span"],
      [["→"], "Expand, then into it"],
      [["←"], "Collapse, then out of it"],
      [["Home", "End"], "First, last span"],
      [["e", "E"], "Next, previous error"],
      [["z"], "Zoom to the span, and back"],
      [["Esc"], "Back to the traces"],
    ],
  ],
];

export function KeyboardSheet() {
  if (!keysShown.value) return null;
  return (
    <Dialog title="Keyboard" onClose={() => (keysShown.value = false)}>
      <div class="keys">
        {KEYS.map(([where, keys]) => (
          <section key={where}>
            <h3>{where}</h3>
            <dl>
              {keys.map(([names, what]) => (
                <div key={what}>
                  <dt>
                    {names.map((name) => (
                      <kbd key={name}>{name}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
