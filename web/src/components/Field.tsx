import {
  useId,
  type InputHTMLAttributes,
  type ReactElement,
  type ReactNode,
  type SelectHTMLAttributes,
} from "react";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  /* What the server says against this field. */
  error?: string | undefined;
}

interface Described {
  id: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

/* A label, what goes in, and what is said about it: the hint, or what is wrong. */
function Frame(props: FieldProps & { children: (described: Described) => ReactElement }): ReactElement {
  const { label, hint, error, children } = props;
  const id = useId();
  const noteId = `${id}-note`;
  const described: Described = { id };
  if (error !== undefined) described["aria-invalid"] = true;
  if (error !== undefined || hint !== undefined) described["aria-describedby"] = noteId;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(described)}
      {error !== undefined ? (
        <span id={noteId} className="field-error" role="alert">
          {error}
        </span>
      ) : (
        hint !== undefined && (
          <span id={noteId} className="field-hint">
            {hint}
          </span>
        )
      )}
    </div>
  );
}

type TextFieldProps = FieldProps &
  Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onChange"> & {
    value: string;
    onValue: (value: string) => void;
  };

export function TextField({ label, hint, error, onValue, ...input }: TextFieldProps): ReactElement {
  return (
    <Frame label={label} hint={hint} error={error}>
      {(described) => (
        <input {...input} {...described} onChange={(event) => onValue(event.target.value)} />
      )}
    </Frame>
  );
}

export interface Choice {
  value: string;
  text: string;
}

type SelectFieldProps = FieldProps &
  Omit<SelectHTMLAttributes<HTMLSelectElement>, "value" | "onChange"> & {
    value: string;
    choices: readonly Choice[];
    onValue: (value: string) => void;
  };

export function SelectField(props: SelectFieldProps): ReactElement {
  const { label, hint, error, choices, onValue, ...select } = props;
  return (
    <Frame label={label} hint={hint} error={error}>
      {(described) => (
        <select {...select} {...described} onChange={(event) => onValue(event.target.value)}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.text}
            </option>
          ))}
        </select>
      )}
    </Frame>
  );
}

interface ChecksFieldProps {
  legend: string;
  error?: string | undefined;
  choices: readonly (Choice & { hint?: string })[];
  chosen: readonly string[];
  onChosen: (chosen: string[]) => void;
}

/* Several of a few. */
export function ChecksField(props: ChecksFieldProps): ReactElement {
  const { legend, error, choices, chosen, onChosen } = props;
  const errorId = useId();
  const toggle = (value: string, isOn: boolean): void =>
    onChosen(isOn ? [...chosen, value] : chosen.filter((one) => one !== value));
  return (
    <fieldset className="checks" aria-describedby={error === undefined ? undefined : errorId}>
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className="check">
          <input
            type="checkbox"
            checked={chosen.includes(choice.value)}
            onChange={(event) => toggle(choice.value, event.target.checked)}
          />
          <span>
            {choice.text}
            {choice.hint !== undefined && <span className="field-hint">{choice.hint}</span>}
          </span>
        </label>
      ))}
      {error !== undefined && (
        <span id={errorId} className="field-error" role="alert">
          {error}
        </span>
      )}
    </fieldset>
  );
}
