/*
 * /embed/<channel>, the page for an iframe: the element, as large as the frame. The channel stands in the path;
 * ?latency=off hides the badge.
 */
const player = document.querySelector("stoa-player");
const channel = /^\/embed\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? "";
const isBadgeOff = new URLSearchParams(location.search).get("latency") === "off";
player?.setAttribute("channel", channel);
player?.toggleAttribute("show-latency", !isBadgeOff);
