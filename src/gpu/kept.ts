import { DISPATCH_BUDGET_MS } from './budget.ts';
import { Recording, type Command, type RecordedDispatch, type Uploaded } from './commands.ts';
import type { Allocation, BufferPool, BufferSlice, PoolUse } from './pool.ts';
import type { Recorder, WorkCounts } from './recorder.ts';

/** How far the time that a dispatch is expected to take may move from what it was cut for. */
const SLACK = 2;

/** Of one kernel, in units of work: the longest part that could be cut further, and the shortest dispatch that was cut for its time. */
interface Cuts {
  longest: number;
  shortestCut: number;
}

/** What was recorded from one moment to another, besides its commands. */
export interface RecordedWork {
  readonly counts: WorkCounts;
  /** Of the pool, beyond what was in use before and after. */
  readonly use: PoolUse;
}

/**
 * A recording that can be sent again and again, with other numbers in its inputs and all else the same to the byte. It holds no
 * buffers: those that were somebody's must still be that somebody's, and those that were nobody's may have been used meanwhile, but
 * must be nobody's again.
 */
export class KeptRecording {
  /** The recording that it was made of, to be sent in place of that one. */
  readonly first: Recording;
  /** What its uploads carried. */
  readonly uploads: readonly Uploaded[];
  readonly #holders = new Map<GPUBuffer, Allocation | 'nobody' | undefined>();
  readonly #cuts = new Map<string, Cuts>();
  readonly #reads: number;

  /** @param recording taken from the recorder and not sent; it is used up. */
  constructor(
    { commands, params, uploads, answers }: Recording,
    private readonly recorder: Recorder,
    private readonly pool: BufferPool,
    private readonly work: RecordedWork,
  ) {
    this.uploads = uploads;
    this.#reads = answers.length;
    for (const command of commands) this.#note(command);
    this.first = new Recording(commands, params, true);
    this.first.uploads.push(...uploads);
    this.first.answers.push(...answers);
  }

  /** Whether it may be sent: its buffers are as it found them, and its dispatches as long as they should be. */
  get isGood(): boolean {
    for (const [buffer, holder] of this.#holders) if (this.pool.holderOf(buffer) !== holder) return false;
    return this.#isCutWell;
  }

  /** The recording with other numbers in its uploads, as many of each, and what will have been read once it was sent, in order. */
  again(uploads: readonly Uploaded[]): { recording: Recording; reads: readonly Promise<ArrayBuffer>[] } {
    const { commands, params } = this.first;
    const recording = new Recording(commands, params, true);
    recording.uploads.push(...uploads);
    const reads = Array.from({ length: this.#reads }, () => recording.answer());
    this.recorder.countAgain(this.work.counts);
    this.pool.borrow(this.#holders.keys(), this.work.use);
    return { recording, reads };
  }

  /** Notes what a command depends on. */
  #note(command: Command): void {
    if (command.type === 'dispatch') {
      for (const slice of command.slices) this.#noteHolder(slice);
      this.#noteCut(command);
      return;
    }
    if ('source' in command) this.#noteHolder(command.source);
    if ('target' in command) this.#noteHolder(command.target);
  }

  #noteHolder({ buffer }: BufferSlice): void {
    if (!this.#holders.has(buffer)) this.#holders.set(buffer, this.pool.holderOf(buffer));
  }

  #noteCut({ kernel, flops, bytes, work, x, y, z }: RecordedDispatch): void {
    let cuts = this.#cuts.get(kernel);
    if (!cuts) this.#cuts.set(kernel, (cuts = { longest: 0, shortestCut: Infinity }));
    const whole = Math.max(flops, bytes);
    if (x * y * z > 1) cuts.longest = Math.max(cuts.longest, work);
    // Others are cut because their grid is too large.
    if (work < whole && this.recorder.budget.estimate(kernel, whole) > DISPATCH_BUDGET_MS)
      cuts.shortestCut = Math.min(cuts.shortestCut, whole);
  }

  get #isCutWell(): boolean {
    const { budget } = this.recorder;
    for (const [kernel, { longest, shortestCut }] of this.#cuts) {
      if (budget.estimate(kernel, longest) > SLACK * DISPATCH_BUDGET_MS) return false;
      if (shortestCut < Infinity && SLACK * budget.estimate(kernel, shortestCut) < DISPATCH_BUDGET_MS) return false;
    }
    return true;
  }
}
