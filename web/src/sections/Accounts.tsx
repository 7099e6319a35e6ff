import { Plus } from "lucide-react";
import { useCallback, useState, type ReactElement } from "react";
import {
  createAccount,
  listAccounts,
  signOutAccount,
  updateAccount,
  type Account,
  type AccountChange,
  type CreatedAccount,
  type NewAccount,
  type Role,
} from "../api/client";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { Dialog } from "../components/Dialog";
import { Facts, When } from "../components/Facts";
import { SelectField, TextField } from "../components/Field";
import { Form } from "../components/Form";
import { RecordList, RecordRow } from "../components/RecordList";
import { SearchField } from "../components/SearchField";
import { SecretDialog } from "../components/SecretDialog";
import { useAction } from "../hooks/useAction";
import { usePaged, type LoadPage } from "../hooks/usePaged";
import { ROLE_HINT, ROLE_TEXT } from "../words";

type Asked =
  | { what: "new" }
  | { what: "secret"; email: string; password: string }
  | { what: "edit" | "disable" | "signOut"; account: Account };

const ROLES = (Object.keys(ROLE_TEXT) as Role[]).map((role) => ({
  value: role,
  text: ROLE_TEXT[role],
}));

/* `own`: who is looking; one cannot take away one's own rights by mistake. */
export function Accounts({ own }: { own: Account }): ReactElement {
  const [words, setWords] = useState("");
  const load: LoadPage<Account> = useCallback(
    (query, signal) => listAccounts({ ...query, words }, signal),
    [words],
  );
  const list = usePaged(load, 0);
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = (): void => {
    setAsked(null);
    list.refresh();
  };
  const onMade = ({ email, password }: CreatedAccount): void => {
    if (password === undefined) close();
    else setAsked({ what: "secret", email, password });
  };
  return (
    <>
      <div className="section-head">
        <div>
          <h2>Accounts</h2>
          <p className="section-lead">Who may sign in, and as what.</p>
        </div>
        <button
          type="button"
          className="button button-primary"
          onClick={() => setAsked({ what: "new" })}
        >
          <Plus aria-hidden="true" />
          New account
        </button>
      </div>
      <div className="tools">
        <SearchField label="Search by name or e-mail" onWords={setWords} />
      </div>
      <RecordList
        list={list}
        label="accounts"
        keyOf={(account) => account.id}
        row={(account) => (
          <AccountRow account={account} isOwn={account.id === own.id} onAsk={setAsked} />
        )}
        empty={<p>No account has “{words}” in its name or e-mail.</p>}
      />
      {asked?.what === "new" && <NewAccountDialog onMade={onMade} onClose={close} />}
      {asked?.what === "secret" && (
        <SecretDialog
          title="The account is ready"
          label="Password"
          secret={asked.password}
          onClose={close}
        >
          <p>
            Give it to {asked.email} on a safe way. They change it in the account menu, under Password.
          </p>
        </SecretDialog>
      )}
      {asked?.what === "edit" && (
        <EditAccountDialog account={asked.account} isOwn={asked.account.id === own.id} onClose={close} />
      )}
      {asked?.what === "disable" && <DisableDialog account={asked.account} onClose={close} />}
      {asked?.what === "signOut" && (
        <ConfirmDialog
          title={`Sign out ${asked.account.displayName} everywhere?`}
          verb="Sign out"
          onConfirm={() => signOutAccount(asked.account.id)}
          onClose={close}
        >
          <p>All browsers of this account are signed out. API keys go on working.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

interface AccountRowProps {
  account: Account;
  isOwn: boolean;
  onAsk: (asked: Asked) => void;
}

function channelsText(count: number): string {
  return count === 1 ? "1 channel" : `${count} channels`;
}

function AccountRow({ account, isOwn, onAsk }: AccountRowProps): ReactElement {
  const { displayName } = account;
  return (
    <RecordRow
      title={<span className="record-name">{displayName}</span>}
      badges={
        <>
          <span className="badge">{ROLE_TEXT[account.role]}</span>
          {isOwn && <span className="badge">You</span>}
          {account.disabled && <span className="badge tone-bad">Disabled</span>}
        </>
      }
      facts={
        <Facts
          of={[
            account.email,
            channelsText(account.channelCount),
            <>
              since <When at={account.createdAt} />
            </>,
          ]}
        />
      }
      actions={
        <>
          <button
            type="button"
            className="button"
            onClick={() => onAsk({ what: "edit", account })}
          >
            Edit<span className="visually-hidden"> {displayName}</span>
          </button>
          <button
            type="button"
            className="button"
            onClick={() => onAsk({ what: "signOut", account })}
          >
            Sign out<span className="visually-hidden"> {displayName} everywhere</span>
          </button>
          <button
            type="button"
            className="button"
            disabled={isOwn}
            onClick={() => onAsk({ what: "disable", account })}
          >
            {account.disabled ? "Enable" : "Disable"}
            <span className="visually-hidden"> {displayName}</span>
          </button>
        </>
      }
    />
  );
}

function DisableDialog(props: { account: Account; onClose: () => void }): ReactElement {
  const { account, onClose } = props;
  const willDisable = !account.disabled;
  return (
    <ConfirmDialog
      title={`${willDisable ? "Disable" : "Enable"} ${account.displayName}?`}
      verb={willDisable ? "Disable" : "Enable"}
      onConfirm={() => updateAccount(account.id, { disabled: willDisable })}
      onClose={onClose}
    >
      <p>
        {willDisable
          ? "They are signed out, and neither their password nor their API keys are taken any more. Channels and history stay. It can be undone."
          : "Their password and API keys are taken again."}
      </p>
    </ConfirmDialog>
  );
}

interface NewAccountDialogProps {
  onMade: (made: CreatedAccount) => void;
  onClose: () => void;
}

function NewAccountDialog({ onMade, onClose }: NewAccountDialogProps): ReactElement {
  const action = useAction();
  const [email, setEmail] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [role, setRole] = useState<Role>("seller");
  const [password, setPassword] = useState("");
  const create = (): Promise<boolean> =>
    action.run(async () => {
      const input: NewAccount = { email: email.trim(), displayName: displayName.trim(), role };
      if (password !== "") input.password = password;
      onMade(await createAccount(input));
    });
  return (
    <Dialog title="New account" onClose={onClose}>
      <Form
        action={action}
        submit="Create the account"
        fields={["email", "displayName", "role", "password"]}
        onSubmit={() => void create()}
      >
        <TextField
          label="Name"
          required
          maxLength={100}
          autoComplete="off"
          value={displayName}
          error={action.fields.displayName}
          onValue={setDisplayName}
        />
        <TextField
          label="E-mail"
          type="email"
          required
          autoComplete="off"
          value={email}
          error={action.fields.email}
          onValue={setEmail}
        />
        <SelectField
          label="Role"
          choices={ROLES}
          hint={ROLE_HINT[role]}
          value={role}
          error={action.fields.role}
          onValue={(value) => setRole(value as Role)}
        />
        <TextField
          label="Password"
          type="password"
          autoComplete="new-password"
          hint="Leave it empty, and the server draws one and shows it once."
          value={password}
          error={action.fields.password}
          onValue={setPassword}
        />
      </Form>
    </Dialog>
  );
}

interface EditAccountDialogProps {
  account: Account;
  isOwn: boolean;
  onClose: () => void;
}

function EditAccountDialog({ account, isOwn, onClose }: EditAccountDialogProps): ReactElement {
  const action = useAction();
  const [displayName, setDisplayName] = useState(account.displayName);
  const [role, setRole] = useState(account.role);
  const [password, setPassword] = useState("");
  const save = async (): Promise<void> => {
    const change: AccountChange = {};
    if (displayName.trim() !== account.displayName) change.displayName = displayName.trim();
    if (role !== account.role) change.role = role;
    if (password !== "") change.password = password;
    if (Object.keys(change).length === 0) onClose();
    else if (await action.run(() => updateAccount(account.id, change))) onClose();
  };
  return (
    <Dialog title={account.email} onClose={onClose}>
      <Form
        action={action}
        submit="Save"
        fields={["displayName", "role", "password"]}
        onSubmit={() => void save()}
      >
        <TextField
          label="Name"
          required
          maxLength={100}
          autoComplete="off"
          value={displayName}
          error={action.fields.displayName}
          onValue={setDisplayName}
        />
        <SelectField
          label="Role"
          choices={ROLES}
          hint={isOwn ? "Another admin can change yours." : ROLE_HINT[role]}
          disabled={isOwn}
          value={role}
          error={action.fields.role}
          onValue={(value) => setRole(value as Role)}
        />
        {!isOwn && (
          <TextField
            label="New password"
            type="password"
            autoComplete="new-password"
            hint="Empty: it stays as it is."
            value={password}
            error={action.fields.password}
            onValue={setPassword}
          />
        )}
      </Form>
    </Dialog>
  );
}
