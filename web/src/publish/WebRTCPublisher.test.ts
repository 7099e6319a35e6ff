import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import { WebRTCPublisher } from "./WebRTCPublisher";
import type { WhipClient, WhipSession } from "./whipClient";

const OFFER = "v=0\r\na=ice-ufrag:c\r\na=ice-pwd:cp\r\nm=video 9 X 102\r\na=mid:0\r\n";
const ANSWER = "v=0\r\nm=video 9 X 102\r\na=ice-ufrag:s\r\na=ice-pwd:sp\r\n";

/* As much of a peer connection as the publisher touches. */
class FakePeer extends EventTarget {
  connectionState = "new";
  localDescription: { sdp: string } | null = null;
  remote: string[] = [];
  restarts = 0;
  isClosed = false;

  addTransceiver(): { setCodecPreferences: () => void } {
    return { setCodecPreferences: () => undefined };
  }
  getSenders(): [] {
    return [];
  }
  getTransceivers(): [] {
    return [];
  }
  createOffer(options?: { iceRestart?: boolean }): Promise<{ sdp: string }> {
    if (options?.iceRestart) this.restarts += 1;
    return Promise.resolve({ sdp: OFFER });
  }
  setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    return Promise.resolve();
  }
  setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.remote.push(description.sdp);
    return Promise.resolve();
  }
  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map<string, unknown>());
  }
  close(): void {
    this.isClosed = true;
  }
  become(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
}

class FakeWhip {
  created = 0;
  ended = 0;
  refusals: Error[] = [];
  restart: string | Error = "a=ice-ufrag:s2\r\na=ice-pwd:sp2\r\n";

  create(): Promise<WhipSession> {
    this.created += 1;
    const refusal = this.refusals.shift();
    if (refusal) return Promise.reject(refusal);
    return Promise.resolve({ url: `/s/${this.created}`, etag: null, answer: ANSWER, key: "pt_1" });
  }
  restartIce(): Promise<string> {
    return this.restart instanceof Error
      ? Promise.reject(this.restart)
      : Promise.resolve(this.restart);
  }
  end(): Promise<void> {
    this.ended += 1;
    return Promise.resolve();
  }
}

const video = { kind: "video", contentHint: "" };
const stream = {
  getVideoTracks: () => [video],
  getAudioTracks: () => [],
} as unknown as MediaStream;

function setUp(): { whip: FakeWhip; peers: FakePeer[]; publisher: WebRTCPublisher } {
  const whip = new FakeWhip();
  const peers: FakePeer[] = [];
  const publisher = new WebRTCPublisher(
    whip as unknown as WhipClient,
    { maxVideoBitrate: 2_500_000, maxFramerate: 30, maxAudioBitrate: 128_000 },
    {
      createPeer: () => {
        const peer = new FakePeer();
        peers.push(peer);
        return peer as unknown as RTCPeerConnection;
      },
      videoCodecs: () => [],
      random: () => 0,
    },
  );
  return { whip, peers, publisher };
}

async function onAir(): Promise<ReturnType<typeof setUp> & { peer: FakePeer }> {
  const all = setUp();
  await all.publisher.start(stream);
  const [peer] = all.peers;
  if (!peer) throw new Error("no peer was made");
  peer.become("connected");
  return { ...all, peer };
}

const tick = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("going live", () => {
  it("is live when the peers are connected, not before", async () => {
    const { publisher, peers } = setUp();
    await publisher.start(stream);
    expect(publisher.getState().phase).toBe("connecting");
    peers[0]?.become("connected");
    expect(publisher.getState().phase).toBe("live");
  });

  it("fails with the server's sentence and can be tried again", async () => {
    const { publisher, whip, peers } = setUp();
    whip.refusals = [new ApiError("The stream key is wrong.", 401, "bad_key")];
    await publisher.start(stream);
    expect(publisher.getState()).toMatchObject({
      phase: "failed",
      error: "The stream key is wrong.",
    });
    expect(peers[0]?.isClosed).toBe(true);
    await publisher.start(stream);
    expect(publisher.getState().phase).toBe("connecting");
  });

  it("fails when no media connection comes about, and ends the session", async () => {
    const { publisher, whip } = setUp();
    await publisher.start(stream);
    await tick(10_000);
    expect(publisher.getState().phase).toBe("failed");
    expect(publisher.getState().error).toContain("firewall");
    expect(whip.ended).toBe(1);
  });
});

describe("a lost connection", () => {
  it("that heals within two seconds is no business of the server", async () => {
    const { publisher, peer } = await onAir();
    peer.become("disconnected");
    expect(publisher.getState().phase).toBe("reconnecting");
    await tick(1_500);
    peer.become("connected");
    await tick(5_000);
    expect(publisher.getState().phase).toBe("live");
    expect(peer.restarts).toBe(0);
  });

  it("is answered with an ICE restart in the same session", async () => {
    const { publisher, peer, whip, peers } = await onAir();
    peer.become("disconnected");
    await tick(2_000);
    expect(peer.restarts).toBe(1);
    expect(peer.remote.at(-1)).toContain("a=ice-ufrag:s2");
    peer.become("connected");
    expect(publisher.getState().phase).toBe("live");
    expect([whip.created, peers.length]).toEqual([1, 1]);
  });

  it("makes a new session when the server refuses the restart", async () => {
    const { publisher, peer, whip, peers } = await onAir();
    whip.restart = new ApiError("no", 422, "");
    peer.become("failed");
    await tick(0);
    expect([peer.isClosed, whip.ended]).toEqual([true, 1]);
    await tick(1_000);
    expect(whip.created).toBe(2);
    peers[1]?.become("connected");
    expect(publisher.getState()).toMatchObject({ phase: "live", error: null });
  });

  it("is tried again with growing waits, also against a conflict with itself", async () => {
    const { publisher, peer, whip } = await onAir();
    whip.restart = new ApiError("gone", 404, "");
    whip.refusals = [
      new ApiError("The server cannot be reached.", 0, "unreachable"),
      new ApiError("Somebody is on air.", 409, "conflict"),
    ];
    peer.become("failed");
    await tick(1_000);
    expect(whip.created).toBe(2);
    await tick(2_000);
    expect(whip.created).toBe(3);
    expect(publisher.getState()).toMatchObject({
      phase: "reconnecting",
      error: "Somebody is on air.",
    });
    await tick(4_000);
    expect(whip.created).toBe(4);
  });

  it("ends when the key is no longer good", async () => {
    const { publisher, peer, whip } = await onAir();
    whip.restart = new ApiError("gone", 404, "");
    whip.refusals = [new ApiError("The stream key was changed.", 403, "denied")];
    peer.become("failed");
    await tick(1_000);
    expect(publisher.getState()).toMatchObject({
      phase: "failed",
      error: "The stream key was changed.",
    });
    await tick(60_000);
    expect(whip.created).toBe(2);
  });
});

describe("leaving the air", () => {
  it("ends the session and stays away", async () => {
    const { publisher, peer, whip } = await onAir();
    await publisher.stop();
    expect([publisher.getState().phase, peer.isClosed, whip.ended]).toEqual(["idle", true, 1]);
    peer.become("failed");
    await tick(60_000);
    expect(whip.created).toBe(1);
  });

  it("stops a reconnect that is under way", async () => {
    const { publisher, peer, whip } = await onAir();
    whip.restart = new ApiError("gone", 404, "");
    peer.become("failed");
    await tick(0);
    await publisher.stop();
    await tick(60_000);
    expect(whip.created).toBe(1);
  });
});
