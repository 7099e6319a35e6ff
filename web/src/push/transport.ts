import { parsePushMessage, type PushMessage } from "./messages";

/*
 * One connection to /api/v1/events. It opens at once, tells messages until it is over, and says once that
 * it is over, unless close() was called before: then it says nothing more. It neither retries nor waits.
 */
export interface Transport {
  /* Channels that are told from now on, each with a snapshot first. */
  add(channels: readonly number[]): void;
  remove(channels: readonly number[]): void;
  close(): void;
}

export interface TransportRequest {
  /* Where the events are: http(s)://host/api/v1/events */
  url: URL;
  channels: readonly number[];
  /* The last message that was taken in, to be told what was missed since; null: snapshots. */
  lastEventId: string | null;
}

export interface TransportHandlers {
  onOpen: () => void;
  onMessage: (message: PushMessage) => void;
  onOver: () => void;
}

export type OpenTransport = (request: TransportRequest, handlers: TransportHandlers) => Transport;

function requestUrl({ url, channels, lastEventId }: TransportRequest): URL {
  const full = new URL(url);
  full.searchParams.set("channels", channels.join(","));
  if (lastEventId !== null) full.searchParams.set("lastEventId", lastEventId);
  return full;
}

export const openWebSocket: OpenTransport = (request, handlers) => {
  const url = requestUrl(request);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  let isOver = false;
  /* What is asked for before the socket is open. */
  let waiting: string[] = [];

  const over = (): void => {
    if (isOver) return;
    isOver = true;
    socket.close();
    handlers.onOver();
  };
  socket.onopen = () => {
    for (const message of waiting) socket.send(message);
    waiting = [];
    if (!isOver) handlers.onOpen();
  };
  socket.onmessage = (event: MessageEvent<unknown>) => {
    const message = typeof event.data === "string" ? parsePushMessage(event.data) : null;
    if (message !== null && !isOver) handlers.onMessage(message);
  };
  socket.onclose = over;
  socket.onerror = over;

  const send = (type: string, channels: readonly number[]): void => {
    const message = JSON.stringify({ type, channels });
    if (socket.readyState === WebSocket.OPEN) socket.send(message);
    else waiting.push(message);
  };
  return {
    add: (channels) => send("subscribe", channels),
    remove: (channels) => send("unsubscribe", channels),
    close: () => {
      isOver = true;
      socket.close();
    },
  };
};

const EVENT_NAMES = ["snapshot", "status", "deleted", "heartbeat", "error"] as const;

/*
 * The channels of an event stream stand in its address, so another set is another stream. The browser
 * would open a broken stream again by itself; when and what to ask for is the client's to say, so it is closed.
 */
export const openEventStream: OpenTransport = (request, handlers) => {
  const channels = new Set(request.channels);
  let source: EventSource | null = null;
  let isOver = false;

  const over = (): void => {
    if (isOver) return;
    isOver = true;
    source?.close();
    handlers.onOver();
  };
  const open = (lastEventId: string | null): void => {
    source?.close();
    const opened = new EventSource(
      requestUrl({ url: request.url, channels: [...channels], lastEventId }),
    );
    source = opened;
    opened.onopen = () => {
      if (!isOver) handlers.onOpen();
    };
    for (const type of EVENT_NAMES) {
      opened.addEventListener(type, (event: MessageEvent<unknown>) => {
        /* The stream's own failure is an event named error too, without data. */
        if (typeof event.data !== "string" || isOver || opened !== source) return;
        const message = parsePushMessage(event.data, { type, id: event.lastEventId });
        if (message !== null) handlers.onMessage(message);
      });
    }
    opened.onerror = (event) => {
      if (opened === source && !("data" in event && typeof event.data === "string")) over();
    };
  };
  open(request.lastEventId);
  return {
    add: (added) => {
      for (const id of added) channels.add(id);
      if (!isOver) open(null);
    },
    /* What is told without being asked for is left unheard; the next stream asks for less. */
    remove: (removed) => {
      for (const id of removed) channels.delete(id);
    },
    close: () => {
      isOver = true;
      source?.close();
    },
  };
};
