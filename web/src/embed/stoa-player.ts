import { StoaPlayerElement } from "./StoaPlayerElement";

/* A page may load the script twice. */
if (customElements.get("stoa-player") === undefined) {
  customElements.define("stoa-player", StoaPlayerElement);
}

declare global {
  interface HTMLElementTagNameMap {
    "stoa-player": StoaPlayerElement;
  }
}
