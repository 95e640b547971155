/** The encoder that is offered first. */
export { MINILM } from '../../encoder/knownEncoders.ts';

import type { DownloadView, ModelView } from './views.ts';

/** What is to be opened: a repository, which is downloaded first and kept; one that is kept already; or files of the reader's own, for this visit. */
export type EncoderSource =
  | { readonly from: 'hub'; readonly id: string; readonly hub?: string }
  | { readonly from: 'stored'; readonly id: string }
  | {
      readonly from: 'files';
      readonly name: string;
      readonly files: readonly { readonly path: string; readonly blob: Blob }[];
    };

/** How one vector is made of a text's states. */
export type EncoderPoolingView = 'mean' | 'first' | 'eos';

/** An encoder on a hub, before anybody pays for it. */
export interface EncoderOffer {
  readonly id: string;
  readonly revision: string;
  readonly bytes: number;
  /** "apache-2.0"; undefined where the hub does not say. */
  readonly licence: string | undefined;
  /** "bert, int8, 384 numbers a text". */
  readonly shape: string;
  /** Undefined where its files do not say: then the reader has to. */
  readonly pooling: EncoderPoolingView | undefined;
  readonly notices: readonly string[];
}

/** The encoder that is open. */
export interface EncoderView {
  readonly name: string;
  /** "bert, int8, 384 numbers a text, mean of at most 256 tokens". */
  readonly shape: string;
  readonly maxTokens: number;
  readonly notices: readonly string[];
}

/** Encoders that this browser keeps, and the one that is open. */
export interface EncodersView {
  readonly open: EncoderView | undefined;
  readonly stored: readonly ModelView[];
}

/** What is under way while one is opened: a download, or a step in words. */
export interface EncoderProgress {
  readonly detail: string;
  readonly download?: DownloadView;
}
