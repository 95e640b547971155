import type { Configuration } from '../../../settings/configuration.ts';
import type { Picture } from '../../../run/record.ts';
import type { Moment } from '../moment.ts';

/** What is said over the matrix. */
export interface Sentence {
  readonly text: string;
  /** Whether the run is a control or cannot learn: said in the text, and marked beside it. */
  readonly stuck: boolean;
}

/** What a sentence is made of. */
export interface Seen {
  readonly configuration: Configuration;
  /** All that is said is of this one, and of the steps that led to it. */
  readonly moment: Moment;
  /** What the matrix shows of it. */
  readonly picture: Picture;
  /** Whether the picture changes by itself: then it is told of the last steps together, which change less than a batch does. */
  readonly isMoving: boolean;
  /** Chunks in the order of the axes: gives them their numbers. */
  readonly order: readonly number[];
}
