import { useEffect, useRef, type ReactElement, type ReactNode } from "react";
import { Link, usePath } from "../router";
import { StoaMark } from "./Icons";

interface LayoutProps {
  children: ReactNode;
  /* Buttons at the right end of the bar. */
  actions?: ReactNode;
  isWide?: boolean;
}

/* The bar above every page. After a change of page the focus goes to the content, as with a real load. */
export function Layout({ children, actions, isWide = false }: LayoutProps): ReactElement {
  const main = useRef<HTMLElement>(null);
  const path = usePath();
  const firstPath = useRef(path);
  useEffect(() => {
    if (path !== firstPath.current) main.current?.focus();
  }, [path]);

  return (
    <>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <div className={isWide ? "bar-inner wide" : "bar-inner"}>
          <Link className="brand" href="/" aria-label="Stoa, home">
            <StoaMark />
            <span>Stoa</span>
          </Link>
          <div className="bar-actions">{actions}</div>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={isWide ? "page wide" : "page"}>
        {children}
      </main>
    </>
  );
}
