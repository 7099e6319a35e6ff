import { describe, expect, it } from "vitest";
import { ApiError } from "../api/problem";
import { measureUpload, type UploadDeps } from "./uploadTest";

/* A way of `wayMs` there and back that carries `kbps`. */
function line(kbps: number, wayMs: number): { deps: UploadDeps; sent: number[] } {
  const sent: number[] = [];
  let nowMs = 0;
  const post = (bytes: number): Promise<void> => {
    sent.push(bytes);
    nowMs += wayMs + (bytes * 8) / kbps;
    return Promise.resolve();
  };
  return { deps: { post, now: () => nowMs }, sent };
}

const never = new AbortController().signal;

describe("the upload test", () => {
  it("measures what the way carries, near and far", async () => {
    for (const [kbps, wayMs] of [
      [500, 20],
      [4_000, 80],
      [30_000, 10],
      [30_000, 150],
    ] as const) {
      const { deps } = line(kbps, wayMs);
      const measured = await measureUpload(never, deps);
      expect(measured / kbps).toBeGreaterThan(0.8);
      expect(measured / kbps).toBeLessThan(1.25);
    }
  });

  it("sends little on a slow way", async () => {
    const { deps, sent } = line(400, 40);
    await measureUpload(never, deps);
    expect(sent).toEqual([1_000, 64_000]);
  });

  it("never sends much more than a megabyte", async () => {
    const { deps, sent } = line(1_000_000, 1);
    await measureUpload(never, deps);
    expect(sent.reduce((a, b) => a + b)).toBeLessThan(1_200_000);
  });

  it("tells that the server cannot be measured", async () => {
    const refused = new ApiError("no", 404, "not_found");
    const deps: UploadDeps = { post: () => Promise.reject(refused), now: () => 0 };
    await expect(measureUpload(never, deps)).rejects.toBe(refused);
  });

  it("ends when nobody waits for it", async () => {
    const stop = new AbortController();
    const post = (): Promise<void> => {
      stop.abort();
      return Promise.reject(new DOMException("stopped", "AbortError"));
    };
    await expect(measureUpload(stop.signal, { post, now: () => 0 })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
