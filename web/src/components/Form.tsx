import type { ReactElement, ReactNode, SyntheticEvent } from "react";
import type { Action } from "../hooks/useAction";
import { Notice } from "./Notice";

interface FormProps {
  action: Action;
  /* Names of the fields that show their own messages; other messages stand above the button. */
  fields?: readonly string[];
  submit: string;
  isDisabled?: boolean;
  onSubmit: () => void;
  children: ReactNode;
}

/* Fields, what the server says against them all, and one button. */
export function Form(props: FormProps): ReactElement {
  const { action, fields = [], submit, isDisabled = false, onSubmit, children } = props;
  const onFormSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  const refused = Object.keys(action.fields);
  const isSaidByFields = refused.length > 0 && refused.every((name) => fields.includes(name));
  return (
    <form className="form" onSubmit={onFormSubmit}>
      {children}
      {action.error !== null && !isSaidByFields && <Notice tone="bad">{action.error}</Notice>}
      <button
        type="submit"
        className="button button-primary button-large"
        disabled={isDisabled || action.isBusy}
      >
        {action.isBusy ? "One moment…" : submit}
      </button>
    </form>
  );
}
