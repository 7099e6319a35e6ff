import { useEffect, useRef, type ReactElement } from "react";
import { Link } from "../router";

interface SectionNavProps {
  label: string;
  sections: readonly { href: string; text: string; isHere: boolean }[];
}

/* The parts of a page that is too much for one screen; each has an address of its own. */
export function SectionNav({ label, sections }: SectionNavProps): ReactElement {
  const nav = useRef<HTMLElement>(null);
  const here = sections.find((section) => section.isHere)?.href;
  /* On a phone the row is longer than the screen. */
  useEffect(() => {
    const link = nav.current?.querySelector("[aria-current]");
    link?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [here]);
  return (
    <nav ref={nav} className="sections" aria-label={label}>
      <ul>
        {sections.map(({ href, text, isHere }) => (
          <li key={href}>
            <Link href={href} aria-current={isHere ? "page" : undefined}>
              {text}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
