import { describe, expect, it } from "vitest";
import { parsePushMessage } from "./messages";

const status = { channelId: 7, isLive: true };

describe("a message of the server", () => {
  it("is read as it stands", () => {
    const message = { type: "status", id: "a-3", channelId: 7, status };
    expect(parsePushMessage(JSON.stringify(message))).toEqual(message);
    expect(parsePushMessage('{"type":"deleted","id":"a-4","channelId":7}')).toEqual({
      type: "deleted",
      id: "a-4",
      channelId: 7,
    });
    expect(parsePushMessage('{"type":"error","code":"x","message":"y"}')).toEqual({
      type: "error",
      code: "x",
      message: "y",
    });
  });

  it("takes name and id from an event stream that does not repeat them", () => {
    const json = JSON.stringify({ channelId: 7, status });
    const message = parsePushMessage(json, { type: "snapshot", id: "a-1" });
    expect(message).toEqual({ type: "snapshot", id: "a-1", channelId: 7, status });
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "7"],
    ["null", "null"],
    ["of no type", "{}"],
    ["of a type of tomorrow", '{"type":"weather","id":"a-1"}'],
    ["without a channel", '{"type":"status","id":"a-1","status":{}}'],
    ["of no possible channel", '{"type":"deleted","id":"a-1","channelId":-1}'],
    ["without a status", '{"type":"snapshot","id":"a-1","channelId":7,"status":null}'],
  ])("is left out when it is %s", (_why, json) => {
    expect(parsePushMessage(json)).toBeNull();
  });
});
