import type { TextPreview } from '../../../../lab/door/views.ts';
import type { Configuration } from '../../../../settings/configuration.ts';

/** A finite text as it is cut. */
export interface TextFacts {
  readonly documents: number;
  readonly chunks: number;
  /** Chunks whose document has another one; undefined where that was not counted. */
  readonly withPartner: number | undefined;
  /** Documents that say the same as an earlier one. */
  readonly copies: number;
  /** Documents that training never sees; undefined where that is not known. */
  readonly heldOut: number | undefined;
}

export function factsOf({
  documentCount,
  chunkCount,
  partneredChunks,
  copies,
  heldOutDocuments,
}: TextPreview): TextFacts {
  return {
    documents: documentCount,
    chunks: chunkCount,
    withPartner: partneredChunks,
    copies: copies.count,
    heldOut: heldOutDocuments,
  };
}

/** A checkpoint that can be had, and what its download costs. */
export interface Offered {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
}

/** All that an expectation depends on. */
export interface Circumstances {
  /** What is chosen. */
  readonly configuration: Configuration;
  /** Undefined for the endless stream, and until a text is cut. */
  readonly text: TextFacts | undefined;
  /** The lightest checkpoint that is offered. */
  readonly lightest: Offered;
  /** A checkpoint that is here, the lightest that is offered before others; undefined when there is none. */
  readonly here: string | undefined;
  /** Whether the checkpoints that are chosen are here; undefined until the lab has said. */
  readonly hasBases: boolean | undefined;
  readonly hasWebGpu: boolean;
  /** Whether the run that is on is of what is chosen, and has begun. */
  readonly isOn: boolean;
}

/** What one press does about it. */
export type Remedy =
  /** Downloads a checkpoint, then takes it for this text. */
  | { readonly kind: 'download'; readonly label: string; readonly checkpoint: string }
  /** Takes one that is here for this text. */
  | { readonly kind: 'use'; readonly label: string; readonly checkpoint: string }
  | { readonly kind: 'set'; readonly label: string; readonly changes: Partial<Configuration> }
  /** Trains what is chosen. */
  | { readonly kind: 'train'; readonly label: string };

/** What can be expected of a text with a model, before the first step. */
export interface Expectation {
  /** Whether something will be learnt; `open` where nobody has measured it. */
  readonly outlook: 'learns' | 'open' | 'nothing' | 'impossible';
  readonly sentence: string;
  readonly why: string;
  readonly remedy: Remedy | undefined;
}
