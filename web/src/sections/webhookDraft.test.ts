import { describe, expect, it } from "vitest";
import type { Webhook } from "../api/client";
import { changeOf, draftOf, NEW_WEBHOOK } from "./webhookDraft";

const WEBHOOK: Webhook = {
  id: "w1",
  url: "https://shop.test/hooks",
  events: ["relay.error"],
  channelId: null,
  description: null,
  isActive: true,
  disabledReason: null,
  pendingDeliveries: 0,
  createdAt: "2026-11-21T10:00:00Z",
};

describe("a webhook's form", () => {
  it("asks for the chosen events of all channels", () => {
    const draft = { ...NEW_WEBHOOK, url: " https://shop.test/hooks ", events: ["relay.error"] };
    expect(changeOf(draft)).toEqual({
      url: "https://shop.test/hooks",
      events: ["relay.error"],
      description: "",
    });
  });

  it("asks for one channel when its number is given", () => {
    expect(changeOf({ ...NEW_WEBHOOK, channel: "7" })).toMatchObject({ channelId: 7 });
  });

  it("asks for all events by the star", () => {
    expect(changeOf({ ...NEW_WEBHOOK, isAll: true })).toMatchObject({ events: ["*"] });
  });

  it("gives back what it was filled with", () => {
    for (const events of [["relay.error"], ["*"]]) {
      const { url, description } = WEBHOOK;
      expect(changeOf(draftOf({ ...WEBHOOK, events }))).toEqual({
        url,
        events,
        description: description ?? "",
      });
    }
  });
});
