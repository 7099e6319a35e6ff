import { useState, type ReactElement } from "react";
import type { Account } from "../api/client";
import { TextField } from "../components/Field";
import { Form } from "../components/Form";
import { Notice } from "../components/Notice";
import { useAction } from "../hooks/useAction";
import { session } from "../session";
import { ROLE_TEXT } from "../words";

const REPEAT_DIFFERS = "The two are not the same.";

export function Password({ account }: { account: Account }): ReactElement {
  const action = useAction();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [repeated, setRepeated] = useState("");
  const [isDone, setDone] = useState(false);
  const differs = repeated !== "" && repeated !== next;

  const change = async (): Promise<void> => {
    setDone(false);
    if (!(await action.run(() => session.changePassword(current, next)))) return;
    setCurrent("");
    setNext("");
    setRepeated("");
    setDone(true);
  };
  return (
    <div className="narrow">
      <div className="section-head">
        <div>
          <h2>{account.displayName}</h2>
          <p className="section-lead">
            {account.email} · {ROLE_TEXT[account.role]}
          </p>
        </div>
      </div>
      <section className="panel" aria-labelledby="password-title">
        <h3 id="password-title" className="panel-title">
          Change the password
        </h3>
        {isDone && (
          <Notice tone="calm">The password is changed. Other browsers are signed out.</Notice>
        )}
        <Form
          action={action}
          submit="Change the password"
          fields={["currentPassword", "newPassword"]}
          isDisabled={next !== repeated}
          onSubmit={() => void change()}
        >
          {/* For password managers: whose it is. */}
          <input
            className="visually-hidden"
            autoComplete="username"
            aria-hidden="true"
            tabIndex={-1}
            value={account.email}
            readOnly
          />
          <TextField
            label="Current password"
            type="password"
            autoComplete="current-password"
            required
            value={current}
            error={action.fields.currentPassword}
            onValue={setCurrent}
          />
          <TextField
            label="New password"
            type="password"
            autoComplete="new-password"
            required
            minLength={8}
            hint="At least 8 characters. Long beats complicated."
            value={next}
            error={action.fields.newPassword}
            onValue={setNext}
          />
          <TextField
            label="New password, once more"
            type="password"
            autoComplete="new-password"
            required
            value={repeated}
            error={differs ? REPEAT_DIFFERS : undefined}
            onValue={setRepeated}
          />
        </Form>
      </section>
    </div>
  );
}
