/* What a framework that renders on a server does with the package. */
import { LiveChannelPage, StoaProvider } from "@stoa/react";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

const page = createElement(LiveChannelPage, { channelId: 7 });
console.log(renderToString(createElement(StoaProvider, { server: "https://live.example.org" }, page)));
