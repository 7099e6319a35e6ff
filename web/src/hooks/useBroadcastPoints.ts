import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { listMetrics, type MetricPoint, type MetricQuery } from "../api/client";
import type { ChannelStatus } from "../api/types";
import { joined, pointOf, withLivePoint } from "../plots/points";
import { usePolling } from "./usePolling";

const SAMPLE_MS = 2_000;
const HISTORY_MS = 30_000;

interface Live {
  startedAt: string | null;
  points: MetricPoint[];
}

/*
 * The numbers of the broadcast that goes on, or of the last one: what the server kept, asked for now and
 * then, and what the status said since.
 */
export function useBroadcastPoints(
  channelId: number,
  key: string | null,
  status: ChannelStatus | null,
): { points: MetricPoint[]; error: unknown } {
  const startedAt = status?.startedAt ?? null;
  const endedAt = status?.isActive === true ? null : (status?.endedAt ?? null);
  const isActive = status?.isActive === true;

  const load = useCallback(
    async (signal: AbortSignal): Promise<MetricPoint[]> => {
      if (startedAt === null) return [];
      const query: MetricQuery = { from: startedAt };
      if (endedAt !== null) query.until = endedAt;
      return listMetrics(channelId, query, key, signal);
    },
    [channelId, key, startedAt, endedAt],
  );
  const wait = useCallback(() => (isActive ? HISTORY_MS : Infinity), [isActive]);
  const { data: history, error } = usePolling(load, wait);

  const [live, setLive] = useState<Live>({ startedAt, points: [] });
  if (live.startedAt !== startedAt) setLive({ startedAt, points: [] });
  const newest = useRef(status);
  useEffect(() => {
    newest.current = status;
  }, [status]);
  useEffect(() => {
    if (!isActive) return;
    const timer = setInterval(() => {
      const now = newest.current;
      if (now === null) return;
      const point = pointOf(now, Date.now());
      setLive((before) => ({ ...before, points: withLivePoint(before.points, point) }));
    }, SAMPLE_MS);
    return () => clearInterval(timer);
  }, [isActive]);

  const points = useMemo(
    () => since(startedAt, joined(history ?? [], live.points)),
    [startedAt, history, live.points],
  );
  return { points, error };
}

/* Right after a start the history is still that of the broadcast before. */
function since(startedAt: string | null, points: MetricPoint[]): MetricPoint[] {
  const fromMs = startedAt === null ? Infinity : Date.parse(startedAt);
  return points.filter((point) => Date.parse(point.at) >= fromMs);
}
