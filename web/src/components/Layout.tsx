import { useEffect, useRef, type ReactElement, type ReactNode } from "react";
import { Link, usePath } from "../router";
import { AccountMenu } from "./AccountMenu";
import { StoaMark } from "./Icons";

interface LayoutProps {
  children: ReactNode;
  /* Buttons in the bar, before the account's menu. */
  actions?: ReactNode;
  isWide?: boolean;
  /* The page itself is still on its way. */
  isComing?: boolean;
}

/* Where the focus was last put: each page brings a bar of its own, so the bar cannot remember. */
const shown: { path: string | null } = { path: null };

/* The bar above every page. After a change of page the focus goes to the content, as with a real load. */
export function Layout(props: LayoutProps): ReactElement {
  const { children, actions, isWide = false, isComing = false } = props;
  const main = useRef<HTMLElement>(null);
  const path = usePath();
  useEffect(() => {
    if (isComing) return;
    if (shown.path !== null && shown.path !== path) main.current?.focus({ preventScroll: true });
    shown.path = path;
  }, [path, isComing]);

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
          <div className="bar-actions">
            {actions}
            <AccountMenu />
          </div>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={isWide ? "page wide" : "page"}>
        {children}
      </main>
    </>
  );
}
