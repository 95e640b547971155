import type { Recording, Uploaded } from '../gpu/commands.ts';
import { KeptRecording, type RecordedWork } from '../gpu/kept.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { TileChoice } from '../ops/core/tileChoice.ts';

/** Steps of different shapes that are kept, and of which it is remembered that they were there. */
const MOST = 4;

/** What a step reads back at its end: what is read of its last batch, by name, then the norms. */
export interface StepReads {
  readonly lastBatch: readonly string[];
  /** Groups of parameters, in the order of their norms. */
  readonly norms: readonly string[];
}

export interface KeptStep {
  readonly recording: KeptRecording;
  readonly reads: StepReads;
  readonly flops: number;
}

/**
 * Steps that were recorded, to be sent again for batches of the same shape, without running models and ops anew: what a step records
 * follows from what it uploads before all else, inputs apart (Runtime.input). So a step whose uploads are those of one that is kept,
 * inputs apart, is that one with other inputs.
 *
 * Kept is a step whose shape came before: of texts with rows of any length no two are alike.
 */
export class Replays {
  /** The one used last stands last. */
  #kept: KeptStep[] = [];
  /** Uploads of steps that were not kept. */
  #seen: (readonly Uploaded[])[] = [];
  /** The choice of tiles that kept steps were recorded with. */
  #tiles: TileChoice | undefined;
  #tilesVersion = 0;

  constructor(private readonly runtime: Runtime) {}

  /** The step that such uploads are the beginning of. */
  find(uploads: readonly Uploaded[]): KeptStep | undefined {
    this.#followTiles();
    const found = this.#kept.find(({ recording }) => areAlike(recording.uploads, uploads));
    if (found) this.#kept = [...this.#kept.filter((step) => step !== found), found];
    return found;
  }

  /** Forgets a kept step that cannot be sent any more. The next of its shape is kept. */
  drop(step: KeptStep): void {
    this.#kept = this.#kept.filter((other) => other !== step);
    this.#see(step.recording.uploads);
  }

  /**
   * Keeps a recorded step if its shape came before. Gives what is to be sent.
   * @param recording taken from the recorder, not sent yet, with nothing in it but the step, whose uploads came first
   */
  keep(recording: Recording, reads: StepReads, work: RecordedWork): Recording {
    const { uploads } = recording;
    if (!this.#seen.some((seen) => areAlike(seen, uploads))) {
      this.#see([...uploads]);
      return recording;
    }
    const { recorder, pool } = this.runtime;
    const kept = new KeptRecording(recording, recorder, pool, work);
    this.#kept = [...this.#kept, { recording: kept, reads, flops: work.counts.flops }].slice(-MOST);
    return kept.first;
  }

  /** Steps that were recorded with other tiles than would be taken now are recorded anew. */
  #followTiles(): void {
    const { tiles } = this.runtime;
    if (tiles === this.#tiles && tiles.version === this.#tilesVersion) return;
    this.#tiles = tiles;
    this.#tilesVersion = tiles.version;
    for (const step of this.#kept) this.drop(step);
  }

  #see(uploads: readonly Uploaded[]): void {
    this.#seen = [...this.#seen, uploads].slice(-MOST);
  }
}

/** Whether two steps that begin with these uploads are of the same shape. */
function areAlike(a: readonly Uploaded[], b: readonly Uploaded[]): boolean {
  // Lengths first: most shapes are told apart by them.
  return a.length === b.length && areEach(a, b, isAsLong) && areEach(a, b, isAsWell);
}

function areEach(a: readonly Uploaded[], b: readonly Uploaded[], test: (x: Uploaded, y: Uploaded) => boolean): boolean {
  return a.every((x, i) => {
    const y = b[i];
    return y !== undefined && test(x, y);
  });
}

function isAsLong(x: Uploaded, y: Uploaded): boolean {
  return x.isInput === y.isInput && x.data.length === y.data.length;
}

/** Whether nothing follows from what differs. */
function isAsWell(x: Uploaded, y: Uploaded): boolean {
  if (x.isInput) return true;
  const [a, b] = [new Uint32Array(x.data.buffer), new Uint32Array(y.data.buffer)];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
