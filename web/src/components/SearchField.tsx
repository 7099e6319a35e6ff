import { Search, X } from "lucide-react";
import { useEffect, useState, type ReactElement } from "react";

const TYPING_MS = 250;

interface SearchFieldProps {
  label: string;
  onWords: (words: string) => void;
}

/* Tells what is looked for when the typing rests. */
export function SearchField({ label, onWords }: SearchFieldProps): ReactElement {
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => onWords(text.trim()), text === "" ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, onWords]);
  return (
    <div className="search" role="search">
      <Search aria-hidden="true" />
      <input
        type="text"
        enterKeyHint="search"
        aria-label={label}
        placeholder={label}
        autoComplete="off"
        maxLength={100}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setText("");
        }}
      />
      {text !== "" && (
        <button
          type="button"
          className="icon-button"
          aria-label="Clear the search"
          onClick={() => setText("")}
        >
          <X aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
