import type { FailureKind } from '../../base/errors.ts';
import type { EncoderCard } from '../encoderFiles.ts';
import type { EncoderUse } from '../encoder.ts';

/** What an encoder's worker is asked. The first request opens it; an id is its own as long as the worker lives. */
export type ToEncoder =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly files: ReadonlyMap<string, Uint8Array>;
      readonly use: EncoderUse;
    }
  | {
      readonly kind: 'embed';
      readonly id: number;
      readonly role: 'query' | 'passage';
      readonly texts: readonly string[];
    }
  | {
      readonly kind: 'countLonger';
      readonly id: number;
      readonly role: 'query' | 'passage';
      readonly texts: readonly string[];
    }
  /** Ends a request between two texts. */
  | { readonly kind: 'stop'; readonly id: number };

/** What was opened. */
export interface OpenedEncoder {
  readonly card: EncoderCard;
  readonly maxTokens: number;
}

/** What it answers. */
export type FromEncoder =
  | { readonly kind: 'progress'; readonly id: number; readonly detail?: string; readonly fraction?: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: FailureKind; readonly message: string };
