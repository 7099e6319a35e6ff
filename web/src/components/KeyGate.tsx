import { KeyRound } from "lucide-react";
import { useId, useState, type ReactElement, type SyntheticEvent } from "react";
import { Notice } from "./Notice";

interface KeyGateProps {
  error: string | null;
  onKey: (key: string) => Promise<void>;
}

/* Asks for the key that opens a studio. */
export function KeyGate({ error, onKey }: KeyGateProps): ReactElement {
  const id = useId();
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);

  const submit = async (): Promise<void> => {
    setBusy(true);
    await onKey(key.trim());
    setBusy(false);
  };
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    void submit();
  };

  return (
    <section className="gate">
      <div className="empty-icon" aria-hidden="true">
        <KeyRound />
      </div>
      <h1>Open the studio</h1>
      <p className="empty-lead">Enter this channel's stream key, or the admin key.</p>
      <form className="form" onSubmit={onSubmit}>
        <div className="field">
          <label htmlFor={id}>Key</label>
          <input
            id={id}
            className="mono"
            type="password"
            value={key}
            required
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setKey(event.target.value)}
          />
          <span className="field-hint">Kept in this tab only, gone when you close it.</span>
        </div>
        {error !== null && <Notice tone="bad">{error}</Notice>}
        <button type="submit" className="button button-primary button-large" disabled={isBusy}>
          {isBusy ? "Checking…" : "Open"}
        </button>
      </form>
    </section>
  );
}
