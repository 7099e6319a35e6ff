import { useEffect, useState, type ReactElement } from "react";
import { Form } from "../components/Form";
import { TextField } from "../components/Field";
import { StoaMark } from "../components/Icons";
import { Layout } from "../components/Layout";
import { Notice } from "../components/Notice";
import { useAction } from "../hooks/useAction";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { useSession } from "../hooks/useSession";
import { pathAfterSignIn, redirect } from "../router";
import { session } from "../session";

export function SignInPage(): ReactElement {
  useDocumentTitle("Sign in");
  const state = useSession();
  const action = useAction();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const isIn = state.kind === "in";
  useEffect(() => {
    if (isIn) redirect(pathAfterSignIn(location.search));
  }, [isIn]);

  return (
    <Layout>
      <section className="gate">
        <StoaMark />
        <h1>Sign in</h1>
        {state.kind === "out" && state.isExpired && (
          <Notice tone="warn">Your session has ended. Sign in to go on where you were.</Notice>
        )}
        <Form
          action={action}
          submit="Sign in"
          fields={["email", "password"]}
          onSubmit={() => void action.run(() => session.signIn(email.trim(), password))}
        >
          <TextField
            label="E-mail"
            type="email"
            name="email"
            autoComplete="username"
            required
            value={email}
            error={action.fields.email}
            onValue={setEmail}
          />
          <TextField
            label="Password"
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            error={action.fields.password}
            onValue={setPassword}
          />
        </Form>
        <p className="fine-print">
          The server prints the first admin&rsquo;s e-mail and password when it starts for the first
          time. Everybody else gets theirs from an admin.
        </p>
      </section>
    </Layout>
  );
}
