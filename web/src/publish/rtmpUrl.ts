/*
 * OBS asks for a server and a key. The API's rtmpUrl may be the whole address (rtmp://host/live/<key>) or
 * only the server's part; both become the same two fields. null: the server takes no RTMP.
 */
export interface RtmpTarget {
  server: string;
  key: string;
}

export function rtmpTarget(rtmpUrl: string | null, streamKey: string): RtmpTarget | null {
  if (rtmpUrl === null) return null;
  const tail = `/${streamKey}`;
  const server = rtmpUrl.endsWith(tail) ? rtmpUrl.slice(0, -tail.length) : rtmpUrl;
  return { server: server.replace(/\/+$/, ""), key: streamKey };
}

/* The server may answer paths; a person copies whole addresses. */
export function absoluteUrl(url: string, base: string): string {
  return new URL(url, base).href;
}
