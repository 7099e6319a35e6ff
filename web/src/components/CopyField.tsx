import { Check, Copy, Eye, EyeOff } from "lucide-react";
import { useEffect, useId, useState, type ReactElement } from "react";

interface CopyFieldProps {
  label: string;
  value: string;
  hint?: string;
  isSecret?: boolean;
}

/* Plain HTTP pages have no clipboard API; selecting and copying works everywhere. */
async function copyText(input: HTMLInputElement, value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const { type } = input;
    input.type = "text";
    input.select();
    /* eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without HTTPS */
    const isCopied = document.execCommand("copy");
    input.type = type;
    return isCopied;
  }
}

export function CopyField({ label, value, hint, isSecret = false }: CopyFieldProps): ReactElement {
  const id = useId();
  const [isShown, setShown] = useState(!isSecret);
  const [note, setNote] = useState("");

  useEffect(() => {
    if (note === "") return;
    const timer = setTimeout(() => setNote(""), 2000);
    return () => clearTimeout(timer);
  }, [note]);

  const onCopy = async (): Promise<void> => {
    const input = document.getElementById(id) as HTMLInputElement;
    setNote((await copyText(input, value)) ? "Copied" : "Press Ctrl+C to copy");
  };

  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="copy-row">
        <input
          id={id}
          className="mono"
          type={isShown ? "text" : "password"}
          value={value}
          readOnly
          autoComplete="off"
          spellCheck={false}
          onFocus={(event) => event.target.select()}
        />
        {isSecret && (
          <button
            type="button"
            className="icon-button"
            aria-label={isShown ? `Hide ${label}` : `Show ${label}`}
            onClick={() => setShown(!isShown)}
          >
            {isShown ? <EyeOff aria-hidden="true" /> : <Eye aria-hidden="true" />}
          </button>
        )}
        <button
          type="button"
          className="icon-button"
          aria-label={`Copy ${label}`}
          onClick={() => void onCopy()}
        >
          {note === "Copied" ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
        </button>
      </div>
      <span className="field-hint" role="status">
        {note !== "" ? note : hint}
      </span>
    </div>
  );
}
