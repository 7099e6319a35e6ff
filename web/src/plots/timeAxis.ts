/* Ticks of a time axis: as much of the date as their distance needs. Times and distances in seconds. */
const DAY_S = 86_400;

export function tickText(atS: number, distanceS: number): string {
  const date = new Date(atS * 1000);
  if (distanceS >= DAY_S) return date.toLocaleDateString([], { day: "numeric", month: "short" });
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (isMidnight && distanceS >= 3_600) {
    return date.toLocaleDateString([], { day: "numeric", month: "short" });
  }
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (distanceS < 60) time.second = "2-digit";
  return date.toLocaleTimeString([], time);
}
