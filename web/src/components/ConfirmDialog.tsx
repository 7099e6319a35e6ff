import type { ReactElement, ReactNode } from "react";
import { useAction } from "../hooks/useAction";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

interface ConfirmDialogProps {
  title: string;
  /* What will happen, and whether it can be undone. */
  children: ReactNode;
  /* The button: the verb of the title. */
  verb: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/* Asks before what cannot be taken back. Stays open and says why when it did not work. */
export function ConfirmDialog(props: ConfirmDialogProps): ReactElement {
  const { title, children, verb, onConfirm, onClose } = props;
  const action = useAction();
  const confirm = async (): Promise<void> => {
    if (await action.run(onConfirm)) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="form">
        <div className="prose">{children}</div>
        {action.error !== null && <Notice tone="bad">{action.error}</Notice>}
        <div className="dialog-buttons">
          {/* First, so that Enter and a hurried tap change nothing. */}
          <button type="button" className="button" autoFocus onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            className="button button-bad"
            disabled={action.isBusy}
            onClick={() => void confirm()}
          >
            {action.isBusy ? "One moment…" : verb}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
