import { describe, expect, it } from "vitest";
import { checksOf, neededKbps, obstacleOf, worstOf, type Check, type CheckInput } from "./checks";
import { RESOLUTIONS } from "./devices";

const FINE: CheckInput = {
  hasWebRtc: true,
  videoCodecs: ["video/VP8", "video/H264"],
  isFirefox: false,
  camera: { name: "Studio Cam", width: 1280, height: 720 },
  deviceError: null,
  microphone: "moving",
  microphoneName: "Clip-on",
  upload: { kind: "measured", kbps: 20_000 },
  resolution: RESOLUTIONS[0],
  accessError: null,
  isByKey: false,
};

function check(id: Check["id"], change: Partial<CheckInput>): Check {
  const found = checksOf({ ...FINE, ...change }).find((one) => one.id === id);
  if (found === undefined) throw new Error(`no check ${id}`);
  return found;
}

describe("the checklist", () => {
  it("is all good when everything is", () => {
    expect(checksOf(FINE).map((one) => one.state)).toEqual(["good", "good", "good", "good", "good"]);
    expect(worstOf(checksOf(FINE))).toBe("good");
  });

  it("names what a browser lacks", () => {
    expect(check("browser", { hasWebRtc: false })).toMatchObject({ state: "bad" });
    const without = check("browser", { videoCodecs: ["video/VP8"] });
    expect(without).toMatchObject({ state: "bad" });
    expect(without.detail).toContain("H.264");
  });

  it("tells a Firefox without H.264 of its plugin", () => {
    const without = { videoCodecs: ["video/VP8"], isFirefox: true };
    expect(check("browser", without).detail).toContain("OpenH264");
    expect(check("browser", { isFirefox: true }).state).toBe("good");
  });

  it("holds back only what can never work", () => {
    expect(obstacleOf(checksOf(FINE))).toBeNull();
    expect(obstacleOf(checksOf({ ...FINE, upload: { kind: "measured", kbps: 1 } }))).toBeNull();
    expect(obstacleOf(checksOf({ ...FINE, videoCodecs: [] }))).toContain("H.264");
  });

  it("waits for the camera and repeats why there is none", () => {
    expect(check("camera", { camera: null }).state).toBe("waiting");
    const detail = "No camera or microphone was found.";
    expect(check("camera", { camera: null, deviceError: detail })).toMatchObject({ state: "bad", detail });
    expect(check("microphone", { microphone: "none", deviceError: detail }).state).toBe("bad");
  });

  it("warns of a camera that gives less than was chosen, held any way", () => {
    expect(check("camera", { camera: { name: "", width: 640, height: 480 } }).state).toBe("warn");
    expect(check("camera", { camera: { name: "", width: 720, height: 1280 } }).state).toBe("good");
  });

  it("believes in a microphone only when it moves", () => {
    expect(check("microphone", { microphone: "silent" }).state).toBe("warn");
    expect(check("microphone", { microphone: "moving" }).detail).toBe("Clip-on hears you.");
  });

  it("compares the upload with what the quality needs", () => {
    const needed = neededKbps(RESOLUTIONS[0]);
    const at = (kbps: number): string => check("upload", { upload: { kind: "measured", kbps } }).state;
    expect([at(needed - 1), at(needed + 1), at(needed * 2)]).toEqual(["bad", "warn", "good"]);
  });

  it("says that the upload was not measured instead of guessing", () => {
    const upload = { kind: "failed", sentence: "The server cannot be reached." } as const;
    expect(check("upload", { upload })).toMatchObject({
      state: "warn",
      detail: "Not measured. The server cannot be reached.",
    });
  });

  it("tells that one may not broadcast any more", () => {
    expect(check("keys", { accessError: "Your session has ended." }).state).toBe("bad");
  });

  it("shows the worst of all", () => {
    expect(worstOf(checksOf({ ...FINE, microphone: "silent" }))).toBe("warn");
    expect(worstOf(checksOf({ ...FINE, camera: null, microphone: "silent" }))).toBe("warn");
    expect(worstOf(checksOf({ ...FINE, accessError: "no" }))).toBe("bad");
  });
});
