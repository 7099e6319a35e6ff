import type { ReactElement, ReactNode } from "react";
import { CopyField } from "./CopyField";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

interface SecretDialogProps {
  title: string;
  label: string;
  secret: string;
  /* What it is for. */
  children: ReactNode;
  onClose: () => void;
}

/* A secret that the server tells once. Closing it is a decision, so the button says what it means. */
export function SecretDialog(props: SecretDialogProps): ReactElement {
  const { title, label, secret, children, onClose } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="form">
        <Notice tone="warn">Copy it now: it is shown this once and cannot be read again.</Notice>
        <CopyField label={label} value={secret} isSecret />
        <div className="prose">{children}</div>
        <button type="button" className="button button-primary button-large" onClick={onClose}>
          I have copied it
        </button>
      </div>
    </Dialog>
  );
}
