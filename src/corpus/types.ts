/** One piece of text that is embedded, attended to and predicted as a whole. */
export interface Chunk {
  readonly text: string;
  /** Index of the document (or invented fact) this chunk belongs to: its colour, and its label for recall. */
  readonly document: number;
  readonly documentTitle: string;
  /** Position in the corpus (prose), or a running number in the stream (facts). */
  readonly index: number;
  /** Which of a corpus' own sentences it was told in, where there are such: equal numbers are one template. */
  readonly wording?: number;
}

/** A document before chunking: what a file, a paste or a built-in collection is read into. */
export interface SourceDocument {
  readonly title: string;
  readonly paragraphs: readonly string[];
}

/** Something worth saying that does not stop the work. */
export interface Notice {
  readonly code: 'one-document' | 'copies' | 'no-partner' | 'repaired-text' | 'no-held-out';
  readonly message: string;
}

/** A document that was cut into chunks. */
export interface CorpusDocument {
  readonly title: string;
  readonly firstChunk: number;
  readonly chunkCount: number;
  /** The first document that says the same, word for word; undefined for one that stands for itself. */
  readonly copyOf: number | undefined;
  /** Index of what it was cut from: documents without text are left out. */
  readonly source: number;
}

/** A finite collection of chunks; `documents[d]` describes the chunks whose `document` is d. */
export interface Corpus {
  readonly chunks: readonly Chunk[];
  readonly documents: readonly CorpusDocument[];
  /** Most tokens of a chunk: the budget, or less where that was chosen to suit the documents. */
  readonly chunkTokens: number;
  readonly notices: readonly Notice[];
}

/**
 * B chunks trained on together. `labels[i]` equals `labels[j]` when the two belong together (same document or fact, or copies
 * of one document).
 * A row whose label occurs once has no partner; recall@1 skips it.
 */
export interface Batch {
  readonly chunks: readonly Chunk[];
  readonly labels: readonly number[];
}

/**
 * Where a text's own tokens stand in the row that the retriever reads of it: first … end − 1, without begin token, prefix and end
 * token. Where nothing else is left (half of a tiny chunk), the end token stands in.
 */
export type ContentSpan = readonly [first: number, end: number];

/** Rows of token ids for the retriever, [B] each, and where their content stands: undefined where nobody has said. */
export interface RetrieverRows {
  readonly queryIds: readonly (readonly number[])[];
  readonly passageIds: readonly (readonly number[])[];
  readonly queryContent?: readonly ContentSpan[] | undefined;
  readonly passageContent?: readonly ContentSpan[] | undefined;
}

/** Token ids of one batch, [B] rows of different lengths: not padded, with EOS and half cut already applied. */
export interface TokenBatch extends RetrieverRows {
  readonly queryIds: number[][];
  readonly passageIds: number[][];
  readonly lmIds: number[][];
}

/**
 * Where batches come from. Batch n depends on the seed and n alone, so the position of a run is one integer and
 * resuming needs nothing else.
 */
export interface BatchSource {
  readonly batchSize: number;
  readonly notices: readonly Notice[];
  /** Training batch number `step` (0, 1, 2, …). */
  batchAt(step: number): Batch;
  /** At most `count` fixed batches of held-out text; the same ones at every call, and never seen by `batchAt`. */
  heldOutBatches(count: number): Batch[];
}

/** Chunks to choose among, of training text say, and which of all chunks belong together. */
export interface ChunkPool {
  readonly chunks: readonly Chunk[];
  /** Equal for chunks of one document or fact, of the pool as of any training batch. */
  readonly documentOf: (chunk: Chunk) => number;
}
