const WINDOW_MS = 2000;
/** Enough for hundreds of events a second. */
const MOST_KEPT = 1024;

/** How often something happens, over the last two seconds. */
export class Rate {
  private times: number[] = [];

  count(now: number): void {
    this.times.push(now);
    if (this.times.length > MOST_KEPT) this.times.splice(0, MOST_KEPT / 2);
  }

  clear(): void {
    this.times = [];
  }

  /** Events per second; the last two count however long ago, so that slow runs have a rate too. */
  perSecond(now: number): number {
    const recent = this.times.filter((time) => now - time <= WINDOW_MS);
    const times = recent.length >= 2 ? recent : this.times.slice(-2);
    const first = times[0];
    const last = times.at(-1);
    return first === undefined || last === undefined || last <= first
      ? 0
      : ((times.length - 1) * 1000) / (last - first);
  }
}
