import { describe, expect, it } from "vitest";
import { absoluteUrl, rtmpTarget } from "./rtmpUrl";

describe("the two fields of OBS", () => {
  it("come from a whole address or from the server's part", () => {
    const target = { server: "rtmp://live.test:1935/live", key: "sk_1" };
    expect(rtmpTarget("rtmp://live.test:1935/live/sk_1", "sk_1")).toEqual(target);
    expect(rtmpTarget("rtmp://live.test:1935/live", "sk_1")).toEqual(target);
    expect(rtmpTarget("rtmp://live.test:1935/live/", "sk_1")).toEqual(target);
  });
});

describe("an address to copy", () => {
  it("is whole, also when the server answers a path", () => {
    expect(absoluteUrl("/whip/7", "https://shop.test")).toBe("https://shop.test/whip/7");
    expect(absoluteUrl("https://a.test/x", "https://shop.test")).toBe("https://a.test/x");
  });
});
