import type { ComparisonDefinition } from './definition.ts';

/** What a run has taken so far. */
export interface Spent {
  readonly steps: number;
  /** By the ops' own counts (`StepResult.flops`). */
  readonly flops: number;
  /** Chunks of the batches that it has trained on, each as often as it came. */
  readonly chunks: number;
  /** Time of its steps; looks at it and saves are not in it. */
  readonly seconds: number;
}

export const NOTHING_SPENT: Spent = { steps: 0, flops: 0, chunks: 0, seconds: 0 };

/** A look at a run. */
export interface CurvePoint extends Spent {
  /** Scores by name: those of held-out batches, and the measures of the collection. */
  readonly scores: Readonly<Record<string, number>>;
  /** What the comparison is judged by, for each query of the collection or each held-out chunk that asks; empty where nobody knows. */
  readonly items: readonly number[];
}

/** A run of a comparison: to choose a learning rate by, or to be reported. */
export interface Trial {
  readonly purpose: 'choosing' | 'reported';
  readonly contender: string;
  readonly seed: number;
  readonly learningRate: number;
}

/** What came of it. */
export interface TrialResult extends Trial {
  /** In the order of steps, from before the first. */
  readonly points: readonly CurvePoint[];
  /** Where the loss became no number: the points are those before. */
  readonly divergedAt?: number | undefined;
}

/** A comparison as far as it has come: all that it goes on from, but the state of the run under way. */
export interface ComparisonState {
  readonly version: 1;
  readonly definition: ComparisonDefinition;
  /** Base settings and text, for telling whether it is the same comparison that goes on. */
  readonly fingerprint: string;
  readonly device: string;
  /** Other systems on the collection: BM25. */
  readonly beside: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly results: readonly TrialResult[];
  /** The run under way, as it was saved last. */
  readonly current?: RunningTrial | undefined;
}

export interface RunningTrial extends TrialResult {
  readonly spent: Spent;
  /** The file that holds its whole state; undefined before its first save. */
  readonly file: string;
}

/** Where a comparison keeps itself: files that are whole or not there. */
export interface ComparisonStore {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, pieces: readonly Uint8Array[]): Promise<void>;
  remove(name: string): Promise<void>;
}

/** One that is gone with the program. */
export function memoryComparisonStore(): ComparisonStore {
  const files = new Map<string, Uint8Array>();
  return {
    read: (name) => Promise.resolve(files.get(name)),
    write(name, pieces) {
      const bytes = new Uint8Array(pieces.reduce((sum, one) => sum + one.length, 0));
      let place = 0;
      for (const piece of pieces) {
        bytes.set(piece, place);
        place += piece.length;
      }
      files.set(name, bytes);
      return Promise.resolve();
    },
    remove: (name) => Promise.resolve(void files.delete(name)),
  };
}
