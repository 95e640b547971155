import type { Clock } from './clock.ts';

/** `checking`: bytes from an earlier try are hashed. `waiting`: for the next try after a broken connection. */
export type DownloadState = 'checking' | 'downloading' | 'copying' | 'waiting' | 'complete';

export interface DownloadProgress {
  readonly state: DownloadState;
  /** The file that is worked on. */
  readonly file: string;
  /** Bytes stored of all files, those of earlier tries included. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Smoothed over some seconds; undefined until there is something to tell. */
  readonly bytesPerSecond: number | undefined;
  readonly secondsLeft: number | undefined;
  /** Broken connections in a row. */
  readonly failures: number;
}

const REPORT_EVERY_MS = 100;
const MEASURE_EVERY_MS = 250;
/** A change of rate shows to 63 % after so long. */
const SMOOTHING_MS = 3000;

/** Counts bytes and reports them, at most ten times a second and whenever the state changes. */
export class ProgressMeter {
  #state: DownloadState = 'downloading';
  #file = '';
  #failures = 0;
  #done: number;
  #rate: number | undefined;
  #measuredAt: number;
  #arrived = 0;
  #reportedAt = -Infinity;

  constructor(
    readonly totalBytes: number,
    doneBytes: number,
    private readonly clock: Clock,
    private readonly report: (progress: DownloadProgress) => void,
  ) {
    this.#done = doneBytes;
    this.#measuredAt = clock.now();
  }

  set(state: DownloadState, file: string, failures = 0): void {
    if (state === this.#state && file === this.#file && failures === this.#failures) return;
    this.#state = state;
    this.#file = file;
    this.#failures = failures;
    this.#send(this.clock.now());
  }

  /** `bytes` more are stored. */
  add(bytes: number): void {
    this.#done += bytes;
    this.#arrived += bytes;
    const now = this.clock.now();
    const elapsed = now - this.#measuredAt;
    if (elapsed >= MEASURE_EVERY_MS) {
      const rate = (1000 * this.#arrived) / elapsed;
      const weight = 1 - Math.exp(-elapsed / SMOOTHING_MS);
      this.#rate = this.#rate === undefined ? rate : this.#rate + weight * (rate - this.#rate);
      this.#measuredAt = now;
      this.#arrived = 0;
    }
    if (now - this.#reportedAt >= REPORT_EVERY_MS) this.#send(now);
  }

  /** `bytes` that were stored are thrown away. */
  discard(bytes: number): void {
    this.#done -= bytes;
    this.#send(this.clock.now());
  }

  /** Time in which nothing is transferred on purpose says nothing about the rate. */
  restartMeasurement(): void {
    this.#measuredAt = this.clock.now();
    this.#arrived = 0;
  }

  #send(now: number): void {
    this.#reportedAt = now;
    const left = this.totalBytes - this.#done;
    this.report({
      state: this.#state,
      file: this.#file,
      doneBytes: this.#done,
      totalBytes: this.totalBytes,
      bytesPerSecond: this.#rate,
      secondsLeft: left === 0 ? 0 : this.#rate ? left / this.#rate : undefined,
      failures: this.#failures,
    });
  }
}
