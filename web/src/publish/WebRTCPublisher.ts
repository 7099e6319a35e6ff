import { ApiError, sentenceOf } from "../api/problem";
import { PUBLISHER_RETRY, retryDelayMs } from "../retry";
import { bytesSent, publishStats, type BytesSent, type PublishStats, type StatsReport } from "./rtpStats";
import {
  acceptsMedia,
  answerAfterRestart,
  preferH264,
  restartFragment,
  withStereoOpus,
} from "./sdp";
import type { WhipClient, WhipSession } from "./whipClient";

/*
 * One broadcast from this browser: a peer connection, its WHIP session, and what brings both back.
 *
 *   idle -> connecting -> live <-> reconnecting -> ending -> idle
 *               \-> failed (the first try was refused, or the key is no longer good)
 *
 * A short loss of the network is answered with an ICE restart inside the session; when that does not help
 * the session is made anew, with growing waits, for as long as the seller wants to be on air. Tracks
 * belong to the caller and survive all of it.
 */
export type PublisherPhase = "idle" | "connecting" | "live" | "reconnecting" | "ending" | "failed";

export interface PublisherState {
  phase: PublisherPhase;
  /* A sentence for the seller; set in `failed` and, with the last reason, in `reconnecting`. */
  error: string | null;
  stats: PublishStats | null;
}

export interface PublishOptions {
  maxVideoBitrate: number;
  maxFramerate: number;
  maxAudioBitrate: number;
}

/* What comes from outside, so that tests bring their own. */
export interface PublisherDeps {
  createPeer: () => RTCPeerConnection;
  videoCodecs: () => RTCRtpCodec[];
  random: () => number;
}

const browserDeps: PublisherDeps = {
  createPeer: () => new RTCPeerConnection({ bundlePolicy: "max-bundle" }),
  videoCodecs: () => RTCRtpSender.getCapabilities("video")?.codecs ?? [],
  random: Math.random,
};

const CONNECT_TIMEOUT_MS = 10_000;
/* "disconnected" often heals by itself within a second or two. */
const RESTART_AFTER_MS = 2_000;
const RESTART_TIMEOUT_MS = 6_000;
const STATS_EVERY_MS = 1_000;

export class WebRTCPublisher {
  private state: PublisherState = { phase: "idle", error: null, stats: null };
  private readonly listeners = new Set<() => void>();
  private peer: RTCPeerConnection | null = null;
  private session: WhipSession | null = null;
  private stream: MediaStream | null = null;
  private attempt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private iceTimer: ReturnType<typeof setTimeout> | undefined;
  private statsTimer: ReturnType<typeof setInterval> | undefined;
  private sent: BytesSent | null = null;

  constructor(
    private readonly whip: WhipClient,
    private readonly options: PublishOptions,
    private readonly deps: PublisherDeps = browserDeps,
  ) {}

  readonly getState = (): PublisherState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /* Goes on air with the first video and audio track of `stream`. Failures end in the state, never throw. */
  async start(stream: MediaStream): Promise<void> {
    if (this.state.phase !== "idle" && this.state.phase !== "failed") return;
    this.stream = stream;
    this.attempt = 0;
    this.set({ phase: "connecting", error: null, stats: null });
    await this.connect();
  }

  /* Leaves the air. Resolves when the server knows, or cannot be told. */
  async stop(): Promise<void> {
    const session = this.session;
    const peer = this.detachPeer();
    this.stream = null;
    if (this.state.phase === "idle") return;
    this.set({ phase: "ending", error: null, stats: null });
    /* The server is told first: a peer that closes unannounced looks like a lost one. */
    await this.endSession(session);
    peer?.close();
    this.set({ phase: "idle", error: null, stats: null });
  }

  /* The page is being closed: the last request must outlive it. */
  abandon(): void {
    const session = this.session;
    const peer = this.detachPeer();
    this.stream = null;
    if (session !== null) void this.whip.end(session, true).catch(() => undefined);
    peer?.close();
    this.set({ phase: "idle", error: null, stats: null });
  }

  /* Another camera or microphone, without leaving the air. */
  async replaceTracks(stream: MediaStream): Promise<void> {
    this.stream = stream;
    const senders = this.peer?.getTransceivers() ?? [];
    const tracks = [stream.getVideoTracks()[0], stream.getAudioTracks()[0]];
    for (const track of tracks) {
      const sender = senders.find((t) => t.receiver.track.kind === track?.kind)?.sender;
      if (sender && track) await sender.replaceTrack(track);
    }
  }

  private set(change: Partial<PublisherState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private get isWanted(): boolean {
    return this.stream !== null;
  }

  private async connect(): Promise<void> {
    const stream = this.stream;
    if (stream === null) return;
    const peer = this.deps.createPeer();
    this.peer = peer;
    try {
      await this.negotiate(peer, stream);
    } catch (error) {
      if (this.peer === peer) this.onConnectFailed(error);
    }
  }

  private async negotiate(peer: RTCPeerConnection, stream: MediaStream): Promise<void> {
    this.addTracks(peer, stream);
    peer.addEventListener("connectionstatechange", () => this.onConnectionState(peer));
    await peer.setLocalDescription(await peer.createOffer());
    /*
     * The server has a public address and learns ours from the connectivity checks, so the offer leaves at
     * once and waits for no candidates: gathering would only cost time.
     */
    const session = await this.whip.create(peer.localDescription?.sdp ?? "");
    if (this.peer !== peer) {
      await this.endSession(session);
      return;
    }
    this.session = session;
    if (!acceptsMedia(session.answer, "video")) {
      throw new ApiError("The server does not take this browser's video codecs.", 415, "no_video");
    }
    const answer = withStereoOpus(session.answer, this.options.maxAudioBitrate);
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    await this.limitVideo(peer);
    this.iceTimer = setTimeout(() => {
      if (this.peer === peer && peer.connectionState !== "connected") {
        this.onConnectFailed(
          new ApiError("No media connection: a firewall may block UDP.", 0, "no_media_path"),
        );
      }
    }, CONNECT_TIMEOUT_MS);
  }

  private addTracks(peer: RTCPeerConnection, stream: MediaStream): void {
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (video) {
      /* Motion: of a smooth picture and a sharp one, a show needs the smooth one. */
      video.contentHint = "motion";
      const encoding = {
        maxBitrate: this.options.maxVideoBitrate,
        maxFramerate: this.options.maxFramerate,
      };
      const init = { direction: "sendonly", streams: [stream], sendEncodings: [encoding] } as const;
      const transceiver = peer.addTransceiver(video, {
        ...init,
        streams: [...init.streams],
        sendEncodings: [...init.sendEncodings],
      });
      const codecs = preferH264(this.deps.videoCodecs());
      if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    }
    if (audio) peer.addTransceiver(audio, { direction: "sendonly", streams: [stream] });
  }

  private async limitVideo(peer: RTCPeerConnection): Promise<void> {
    const sender = peer.getSenders().find((s) => s.track?.kind === "video");
    if (!sender) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) {
      encoding.maxBitrate = this.options.maxVideoBitrate;
      encoding.maxFramerate = this.options.maxFramerate;
    }
    /*
     * Each change of size is a new init segment and a discontinuity for every viewer of the HLS, so the
     * encoder rather drops frames than pixels.
     */
    parameters.degradationPreference = "maintain-resolution";
    try {
      await sender.setParameters(parameters);
    } catch {
      /* Firefox knows not all of it; the limits of addTransceiver hold. */
    }
  }

  private onConnectionState(peer: RTCPeerConnection): void {
    if (this.peer !== peer) return;
    if (peer.connectionState === "connected") {
      clearTimeout(this.iceTimer);
      this.attempt = 0;
      this.set({ phase: "live", error: null });
      this.watchStats(peer);
    } else if (peer.connectionState === "disconnected") {
      clearTimeout(this.iceTimer);
      this.set({ phase: "reconnecting", error: null });
      this.iceTimer = setTimeout(() => void this.restartIce(peer), RESTART_AFTER_MS);
    } else if (peer.connectionState === "failed") {
      clearTimeout(this.iceTimer);
      if (this.state.phase === "connecting") {
        this.onConnectFailed(
          new ApiError("No media connection: a firewall may block UDP.", 0, "no_media_path"),
        );
      } else {
        this.set({ phase: "reconnecting", error: null });
        void this.restartIce(peer);
      }
    }
  }

  private async restartIce(peer: RTCPeerConnection): Promise<void> {
    const session = this.session;
    if (this.peer !== peer || session === null) return;
    try {
      await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
      const fragment = restartFragment(peer.localDescription?.sdp ?? "");
      if (fragment === null) throw new Error("offer without ICE credentials");
      const answered = answerAfterRestart(
        session.answer,
        await this.whip.restartIce(session, fragment),
      );
      if (answered === null) throw new Error("restart without ICE credentials");
      if (this.peer !== peer) return;
      session.answer = answered;
      const sdp = withStereoOpus(answered, this.options.maxAudioBitrate);
      await peer.setRemoteDescription({ type: "answer", sdp });
      clearTimeout(this.iceTimer);
      this.iceTimer = setTimeout(() => {
        if (this.peer === peer && peer.connectionState !== "connected") this.reconnect(null);
      }, RESTART_TIMEOUT_MS);
    } catch (error) {
      if (this.peer === peer) this.reconnect(error);
    }
  }

  private onConnectFailed(error: unknown): void {
    const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500;
    const wasOnAir = this.state.phase === "reconnecting";
    /* Our own dead session may still hold the channel for a moment: a conflict on the way back is no end. */
    const isPassing = error instanceof ApiError && [408, 409, 429].includes(error.status);
    if (wasOnAir && (!isRefused || isPassing)) {
      this.reconnect(error);
      return;
    }
    const session = this.session;
    this.closePeer();
    this.stream = null;
    void this.endSession(session);
    this.set({ phase: "failed", error: sentenceOf(error), stats: null });
  }

  private reconnect(error: unknown): void {
    const session = this.session;
    this.closePeer();
    if (!this.isWanted) return;
    void this.endSession(session);
    const backoffMs = retryDelayMs(PUBLISHER_RETRY, this.attempt++, this.deps.random()) ?? 0;
    const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    this.set({
      phase: "reconnecting",
      error: error === null ? null : sentenceOf(error),
      stats: null,
    });
    this.retryTimer = setTimeout(() => void this.connect(), Math.max(backoffMs, askedMs));
  }

  private async endSession(session: WhipSession | null): Promise<void> {
    if (session === null) return;
    try {
      await this.whip.end(session);
    } catch {
      /* The server notices by itself: consent expires after 30 s. */
    }
  }

  private closePeer(): void {
    this.detachPeer()?.close();
  }

  /* From here on nothing that the peer connection does matters; the caller closes it. */
  private detachPeer(): RTCPeerConnection | null {
    clearTimeout(this.retryTimer);
    clearTimeout(this.iceTimer);
    clearInterval(this.statsTimer);
    const peer = this.peer;
    this.peer = null;
    this.session = null;
    this.sent = null;
    return peer;
  }

  private watchStats(peer: RTCPeerConnection): void {
    clearInterval(this.statsTimer);
    this.statsTimer = setInterval(() => void this.readStats(peer), STATS_EVERY_MS);
  }

  private async readStats(peer: RTCPeerConnection): Promise<void> {
    const reports: StatsReport[] = [];
    (await peer.getStats()).forEach((report: StatsReport) => reports.push(report));
    if (this.peer !== peer) return;
    const stats = publishStats(reports, this.sent);
    this.sent = bytesSent(reports);
    this.set({ stats });
  }
}
