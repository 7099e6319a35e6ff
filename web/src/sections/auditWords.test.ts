import { describe, expect, it } from "vitest";
import type { AuditEntry } from "../api/client";
import { actionText, targetText } from "./auditWords";

const OWN = "9ae5709e-b156-4088-8d22-8e189c681096";
const OTHER = "01a1fec8-193a-71d3-aeab-555a0ef6cbcb";

function entry(target: string | null): AuditEntry {
  return {
    id: "1",
    at: "2026-11-21T15:00:00Z",
    actor: "sam@shop.test",
    accountId: OWN,
    address: null,
    action: "auth.signIn",
    target,
    detail: null,
  };
}

describe("the log of events", () => {
  it("calls actions what people call them, and an unknown one as the server does", () => {
    expect(actionText("channel.rotateKey")).toBe("Stream key replaced");
    expect(actionText("channel.paint")).toBe("channel.paint");
  });

  it("names what was acted on, unless that was who acted", () => {
    expect(targetText(entry("channel 7"))).toBe("channel 7");
    expect(targetText(entry(OTHER))).toBe("01a1fec8…");
    expect(targetText(entry(OWN))).toBeNull();
    expect(targetText(entry(null))).toBeNull();
  });
});
