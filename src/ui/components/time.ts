/** "8 s", "3 min", "1 h 20 min": no more exact than an estimate is. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown';
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** A moment as people say it beside other things: the time today, else the day as well. */
export function moment(time: number, now = Date.now()): string {
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(time);
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
  const year = new Date(time).getFullYear();
  if (new Date(time).toDateString() === new Date(now).toDateString()) return `today ${clock}`;
  return year === new Date(now).getFullYear() ? `${day.format(time)}, ${clock}` : `${day.format(time)} ${year}`;
}
