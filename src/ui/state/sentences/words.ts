import type { Configuration } from '../../../settings/configuration.ts';
import type { StepRecord } from '../../../run/record.ts';
import type { History } from '../history/history.ts';

/** What is said over the matrix. */
export interface Sentence {
  readonly text: string;
  /** Whether the run is a control or cannot learn: said in the text, and marked beside it. */
  readonly stuck: boolean;
}

/** What a sentence is made of. */
export interface Seen {
  readonly configuration: Configuration;
  readonly history: History;
  readonly record: StepRecord;
  /** Chunks in the order of the axes: gives them their numbers. */
  readonly order: readonly number[];
}
