/* Numbers and times as people read them. */

export function formatBitrate(kbps: number | null): string {
  if (kbps === null) return "–";
  if (kbps < 1000) return `${Math.round(kbps)} kbit/s`;
  return `${(kbps / 1000).toFixed(kbps < 10_000 ? 2 : 1)} Mbit/s`;
}

export function formatPercent(part: number | null): string {
  if (part === null) return "–";
  const percent = part * 100;
  if (percent === 0) return "0 %";
  return percent < 10 ? `${percent.toFixed(1)} %` : `${Math.round(percent)} %`;
}

export function formatMs(ms: number | null): string {
  return ms === null ? "–" : `${Math.round(ms)} ms`;
}

/* 4:07, 1:04:07 */
export function formatDuration(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${minutes}:${seconds}`;
}

/* "just now", "12 min", "3 h 5 min", "2 days": how long something has been going on. */
export function formatSpan(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "1 day" : `${days} days`;
}

/* The time of day, with the date when it is not today, and only the date when that is of another year. */
export function formatClock(iso: string, now: Date): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  if (date.toDateString() === now.toDateString()) return date.toLocaleTimeString([], time);
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  if (date.getFullYear() !== now.getFullYear()) {
    return date.toLocaleDateString([], { ...day, year: "numeric" });
  }
  return date.toLocaleString([], { ...day, ...time });
}

/* The same with the word for today, for lists of moments: "today 15:38", "3 Nov, 15:38". */
export function formatMoment(iso: string, now: Date): string {
  const clock = formatClock(iso, now);
  const isToday = clock !== "" && new Date(iso).toDateString() === now.toDateString();
  return isToday ? `today ${clock}` : clock;
}

/* Date and time to the second. */
export function formatFull(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = "B";
  for (const larger of units) {
    if (value < 1000) break;
    value /= 1000;
    unit = larger;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

export function formatViewers(count: number): string {
  return count === 1 ? "1 viewer" : `${count.toLocaleString("en")} viewers`;
}

/* Milliseconds since `iso`, or null when there is no such time. */
export function elapsedMs(iso: string | null, nowMs: number): number | null {
  if (iso === null) return null;
  const at = Date.parse(iso);
  return Number.isNaN(at) ? null : Math.max(0, nowMs - at);
}
