/** How one vector is made of a text's states: their mean, the first one, or the last. */
export type EncoderPooling = 'mean' | 'first' | 'eos';

/** An encoder whose repository is known to say less than it should. */
interface KnownEncoder {
  readonly id: string;
  /** What its config.json says it was made from. */
  readonly madeFrom: string;
  readonly pooling: EncoderPooling;
  readonly licence: string;
  /** Bytes of all its files, about. */
  readonly bytes: number;
}

/** The encoder that is offered where nobody names another: all-MiniLM-L6-v2 as ONNX, without a file on its pooling. */
export const MINILM: KnownEncoder = {
  id: 'Xenova/all-MiniLM-L6-v2',
  madeFrom: 'sentence-transformers/all-MiniLM-L6-v2',
  pooling: 'mean',
  licence: 'Apache-2.0',
  bytes: 23_700_000,
};
