import type { ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import type { ChannelStatus } from "../api/types";
import { LiveStage, type LiveStageProps } from "../components/LiveStage";
import { StoaProvider } from "../components/StoaProvider";
import { StreamPlaceholder } from "../components/StreamPlaceholder";
import { useChannel } from "../hooks/useChannel";
import type { WatchPhase } from "../streamState";
import kitCss from "../styles/kit/index.css?inline";
import hostCss from "./host.css?inline";

/*
 * <stoa-player channel="7" server="https://live.example.org" label="Shoes on Friday" show-latency>
 *
 * The player of one channel in a page without React. Its insides are a shadow tree: the styles of the page do
 * not reach in, and its own not out. Attributes may change at any time. Events: "statuschange" (detail: the
 * status as the API answers it), "phasechange" (detail: {phase}), and "playererror" from inside. See docs/embed.md.
 */

/* Where this script came from is where the channel is, unless the page says otherwise. */
const SCRIPT_ORIGIN = new URL(import.meta.url).origin;

export class StoaPlayerElement extends HTMLElement {
  static readonly observedAttributes = ["channel", "server", "label", "show-latency"];

  private readonly place: HTMLDivElement;
  private root: Root | null = null;
  private lastStatus: ChannelStatus | null = null;
  private lastPhase: WatchPhase = "loading";

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    addStyles(shadow, kitCss + hostCss);
    this.place = document.createElement("div");
    this.place.className = "place";
    shadow.append(this.place);
  }

  /* The channel's number; null when the attribute names none. */
  get channel(): number | null {
    const text = this.getAttribute("channel") ?? "";
    return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : null;
  }

  set channel(channel: number | null) {
    if (channel === null) this.removeAttribute("channel");
    else this.setAttribute("channel", String(channel));
  }

  /* The server's address. */
  get server(): string {
    return this.getAttribute("server") ?? SCRIPT_ORIGIN;
  }

  set server(server: string) {
    this.setAttribute("server", server);
  }

  /* What the server told last, null before its first word. */
  get status(): ChannelStatus | null {
    return this.lastStatus;
  }

  get phase(): WatchPhase {
    return this.lastPhase;
  }

  /* The <video> while something plays: for sound, and for a frame of it. */
  get video(): HTMLVideoElement | null {
    return this.place.querySelector("video");
  }

  connectedCallback(): void {
    this.root ??= createRoot(this.place);
    this.render();
  }

  disconnectedCallback(): void {
    /* One that is moved within the page is connected again by now. */
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.root?.unmount();
      this.root = null;
    });
  }

  attributeChangedCallback(): void {
    this.render();
  }

  private render(): void {
    this.root?.render(this.content());
  }

  private content(): ReactElement {
    const { channel } = this;
    if (channel === null) {
      return <Misused attribute="channel" want='a number, as in channel="7"' />;
    }
    if (!isAddress(this.server)) {
      return <Misused attribute="server" want="an address like https://live.example.org" />;
    }
    const props = {
      channelId: channel,
      title: this.getAttribute("label") ?? "",
      showLatencyBadge: this.hasAttribute("show-latency"),
      onStatus: this.onStatus,
      onPhase: this.onPhase,
    };
    return (
      <StoaProvider key={`${this.server} ${channel}`} server={this.server}>
        {props.title === "" ? <TitledStage {...props} /> : <LiveStage {...props} />}
      </StoaProvider>
    );
  }

  private readonly onStatus = (status: ChannelStatus): void => {
    this.lastStatus = status;
    this.tell("statuschange", status);
  };

  private readonly onPhase = (phase: WatchPhase): void => {
    if (phase === this.lastPhase) return;
    this.lastPhase = phase;
    this.tell("phasechange", { phase });
  };

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

function isAddress(text: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

/* For who builds the page. */
function Misused({ attribute, want }: { attribute: string; want: string }): ReactElement {
  const message = `The attribute ${attribute} of <stoa-player> must be ${want}.`;
  return (
    <div className="stoa-stage">
      <StreamPlaceholder kind="error" title="There is no stream to show" message={message} />
    </div>
  );
}

/* Named as the channel is, when the page gives no label. */
function TitledStage(props: LiveStageProps): ReactElement {
  const { data: channel } = useChannel(props.channelId);
  return <LiveStage {...props} title={channel?.title ?? ""} />;
}

/* A sheet of its own is not subject to the page's policy for styles; older browsers take an element. */
function addStyles(shadow: ShadowRoot, css: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    style.textContent = css;
    shadow.append(style);
  }
}
