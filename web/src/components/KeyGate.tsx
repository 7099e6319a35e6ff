import { KeyRound } from "lucide-react";
import { useId, useState, type ReactElement, type SyntheticEvent } from "react";
import { Link, signInPath } from "../router";
import { Notice } from "./Notice";

interface KeyGateProps {
  error: string | null;
  /* Signed in, but the channel is somebody else's. */
  isForeign: boolean;
  onKey: (key: string) => Promise<void>;
}

/* The ways into a studio: the account whose channel it is, or the channel's key for who helps out. */
export function KeyGate({ error, isForeign, onKey }: KeyGateProps): ReactElement {
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
      {isForeign ? (
        <p className="empty-lead">
          This channel belongs to another account. With its stream key you can broadcast on it all the
          same.
        </p>
      ) : (
        <>
          <p className="empty-lead">
            Sign in if the channel is yours. With its stream key you can broadcast without an account.
          </p>
          <Link className="button button-primary button-large button-wide" href={signInPath()}>
            Sign in
          </Link>
        </>
      )}
      <form className="form" onSubmit={onSubmit}>
        <div className="field">
          <label htmlFor={id}>Stream key</label>
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
          <span className="field-hint">The admin key opens it, too. Kept in this tab only.</span>
        </div>
        {error !== null && <Notice tone="bad">{error}</Notice>}
        <button type="submit" className="button button-large" disabled={isBusy}>
          {isBusy ? "Checking…" : "Open with the key"}
        </button>
      </form>
    </section>
  );
}
