import { ChevronDown, CircleUser, KeyRound, LogOut, Radio, Shield, Video, Webhook } from "lucide-react";
import {
  useEffect,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type ReactElement,
} from "react";
import type { Account } from "../api/auth";
import { useAction } from "../hooks/useAction";
import { useSession } from "../hooks/useSession";
import { accountPath, adminPath, Link, navigate, signInPath, usePath } from "../router";
import { session } from "../session";
import { ROLE_TEXT } from "../words";
import { Notice } from "./Notice";

/* At the right end of the bar: the way in, or who is in and what is theirs. */
export function AccountMenu(): ReactElement | null {
  const state = useSession();
  const path = usePath();
  if (state.kind === "unknown") return null;
  if (state.kind === "in") return <Menu key={path} account={state.account} />;
  return path === "/sign-in" ? null : (
    <Link className="button" href="/sign-in" onClick={goToSignIn}>
      Sign in
    </Link>
  );
}

/* The address is made at the click: the query of the page may have changed since. */
function goToSignIn(event: { preventDefault: () => void }): void {
  event.preventDefault();
  navigate(signInPath());
}

/* A list of links that a button shows. The page's own order of focus leads through it; Escape closes. */
function Menu({ account }: { account: Account }): ReactElement {
  const [isOpen, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const action = useAction();

  useEffect(() => {
    if (!isOpen) return;
    const onPointerDown = (event: PointerEvent): void => {
      if (!frame.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [isOpen]);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !isOpen) return;
    setOpen(false);
    button.current?.focus();
  };
  const onBlur = (event: FocusEvent): void => {
    const next = event.relatedTarget;
    if (next instanceof Node && !event.currentTarget.contains(next)) setOpen(false);
  };
  const leave = async (): Promise<void> => {
    if (await action.run(session.signOut)) navigate("/");
  };

  return (
    <div ref={frame} className="menu" onKeyDown={onKeyDown} onBlur={onBlur}>
      <button
        ref={button}
        type="button"
        className="button button-quiet menu-button"
        aria-expanded={isOpen}
        aria-label={`Account: ${account.displayName}`}
        onClick={() => setOpen(!isOpen)}
      >
        <CircleUser aria-hidden="true" />
        <span className="menu-name">{account.displayName}</span>
        <ChevronDown aria-hidden="true" />
      </button>
      {isOpen && (
        <div className="menu-sheet">
          <div className="menu-who">
            <strong>{account.displayName}</strong>
            <span>{account.email}</span>
            <span className="badge">{ROLE_TEXT[account.role]}</span>
          </div>
          <nav aria-label="Account">
            <ul>
              <MenuLink href="/" icon={<Radio aria-hidden="true" />} text="Who is live" />
              <MenuLink href="/channels" icon={<Video aria-hidden="true" />} text="My channels" />
              {account.role === "admin" && (
                <MenuLink
                  href={adminPath("channels")}
                  icon={<Shield aria-hidden="true" />}
                  text="Administration"
                />
              )}
              <MenuLink
                href={accountPath("profile")}
                icon={<CircleUser aria-hidden="true" />}
                text="Password"
              />
              <MenuLink
                href={accountPath("keys")}
                icon={<KeyRound aria-hidden="true" />}
                text="API keys"
              />
              {account.role !== "buyer" && (
                <MenuLink
                  href={accountPath("webhooks")}
                  icon={<Webhook aria-hidden="true" />}
                  text="Webhooks"
                />
              )}
            </ul>
          </nav>
          {action.error !== null && <Notice tone="bad">{action.error}</Notice>}
          <button
            type="button"
            className="menu-item"
            disabled={action.isBusy}
            onClick={() => void leave()}
          >
            <LogOut aria-hidden="true" />
            Sign out
          </button>
        </div>
      )}
    </div>
  );
}

function MenuLink(props: { href: string; icon: ReactElement; text: string }): ReactElement {
  const { href, icon, text } = props;
  const isHere = usePath() === href;
  return (
    <li>
      <Link className="menu-item" href={href} aria-current={isHere ? "page" : undefined}>
        {icon}
        {text}
      </Link>
    </li>
  );
}
