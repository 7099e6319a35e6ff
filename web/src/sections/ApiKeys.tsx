import { Plus } from "lucide-react";
import { useState, type ReactElement } from "react";
import {
  createApiKey,
  listApiKeys,
  revokeApiKey,
  type Account,
  type ApiKey,
  type CreatedApiKey,
  type Scope,
} from "../api/client";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { Dialog } from "../components/Dialog";
import { Facts, When } from "../components/Facts";
import { ChecksField, SelectField, TextField } from "../components/Field";
import { Form } from "../components/Form";
import { RecordList, RecordRow } from "../components/RecordList";
import { SecretDialog } from "../components/SecretDialog";
import { useAction } from "../hooks/useAction";
import { usePaged } from "../hooks/usePaged";
import { SCOPE_NAMES, SCOPES } from "../words";

type Asked =
  | { what: "new" }
  | { what: "secret"; made: CreatedApiKey }
  | { what: "revoke"; key: ApiKey };

/* Keys for programs: each does a part of what its account may. */
export function ApiKeys({ account }: { account: Account }): ReactElement {
  const list = usePaged(listApiKeys, 0);
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = (): void => {
    setAsked(null);
    list.refresh();
  };
  return (
    <>
      <div className="section-head">
        <div>
          <h2>API keys</h2>
          <p className="section-lead">
            A program that calls the API shows one as <code>Authorization: Bearer</code>.
          </p>
        </div>
        <button type="button" className="button button-primary" onClick={() => setAsked({ what: "new" })}>
          <Plus aria-hidden="true" />
          New API key
        </button>
      </div>
      <RecordList
        list={list}
        label="API keys"
        keyOf={(key) => key.id}
        row={(key) => <KeyRow apiKey={key} onRevoke={() => setAsked({ what: "revoke", key })} />}
        empty={<p>No API key yet. Make one for each program, with no more rights than it needs.</p>}
      />
      {asked?.what === "new" && (
        <NewKey account={account} onMade={(made) => setAsked({ what: "secret", made })} onClose={close} />
      )}
      {asked?.what === "secret" && (
        <SecretDialog title={asked.made.name} label="API key" secret={asked.made.key} onClose={close}>
          <p>Keep it where the program reads it, and nowhere else. Revoke it when it may have leaked.</p>
        </SecretDialog>
      )}
      {asked?.what === "revoke" && (
        <ConfirmDialog
          title={`Revoke “${asked.key.name}”?`}
          verb="Revoke"
          onConfirm={() => revokeApiKey(asked.key.id)}
          onClose={close}
        >
          <p>Programs that use it are refused from now on. This cannot be undone.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function keyState(key: ApiKey): "revoked" | "expired" | null {
  if (key.revokedAt !== null) return "revoked";
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now() ? "expired" : null;
}

function KeyRow({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke: () => void }): ReactElement {
  const state = keyState(apiKey);
  return (
    <RecordRow
      title={<span className="record-name">{apiKey.name}</span>}
      badges={
        <>
          {state !== null && <span className="badge tone-bad">{state === "revoked" ? "Revoked" : "Expired"}</span>}
          {apiKey.scopes.map((scope) => (
            <span key={scope} className="badge">
              {SCOPES[scope].text}
            </span>
          ))}
        </>
      }
      facts={
        <Facts
          of={[
            <code key="prefix">{apiKey.prefix}…</code>,
            <>
              made <When at={apiKey.createdAt} />
            </>,
            apiKey.lastUsedAt === null ? (
              "never used"
            ) : (
              <>
                last used <When at={apiKey.lastUsedAt} />
              </>
            ),
            apiKey.expiresAt !== null && state === null && (
              <>
                until <When at={apiKey.expiresAt} />
              </>
            ),
          ]}
        />
      }
      actions={
        apiKey.revokedAt === null && (
          <button type="button" className="button" onClick={onRevoke}>
            Revoke<span className="visually-hidden"> {apiKey.name}</span>
          </button>
        )
      }
    />
  );
}

const LIFETIMES = [
  { value: "90", text: "90 days" },
  { value: "365", text: "One year" },
  { value: "", text: "For ever" },
];

function expiryOf(days: string): string | null {
  return days === "" ? null : new Date(Date.now() + Number(days) * 86_400_000).toISOString();
}

interface NewKeyProps {
  account: Account;
  onMade: (made: CreatedApiKey) => void;
  onClose: () => void;
}

function NewKey({ account, onMade, onClose }: NewKeyProps): ReactElement {
  const action = useAction();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["read"]);
  const [days, setDays] = useState("365");
  const choices = SCOPE_NAMES.filter((scope) => account.role === "admin" || !SCOPES[scope].isAdminOnly);
  const create = (): Promise<boolean> =>
    action.run(async () => {
      const expiresAt = expiryOf(days);
      const input = { name: name.trim(), scopes: scopes as Scope[] };
      onMade(await createApiKey(expiresAt === null ? input : { ...input, expiresAt }));
    });
  return (
    <Dialog title="New API key" onClose={onClose}>
      <Form
        action={action}
        submit="Create the key"
        fields={["name", "scopes", "expiresAt"]}
        isDisabled={scopes.length === 0}
        onSubmit={() => void create()}
      >
        <TextField
          label="Name"
          placeholder="Shop server"
          hint="What uses it, so that you know it again."
          required
          maxLength={100}
          autoComplete="off"
          value={name}
          error={action.fields.name}
          onValue={setName}
        />
        <ChecksField
          legend="May"
          choices={choices.map((scope) => ({ value: scope, ...SCOPES[scope] }))}
          chosen={scopes}
          error={action.fields.scopes}
          onChosen={setScopes}
        />
        <SelectField
          label="Good for"
          choices={LIFETIMES}
          value={days}
          error={action.fields.expiresAt}
          onValue={setDays}
        />
      </Form>
    </Dialog>
  );
}
