import { retrieverRow, type RetrieverRole, type RetrieverRow } from '../corpus/batches/collation.ts';
import { CorpusError } from '../corpus/errors.ts';
import { pacer } from '../corpus/pacer.ts';
import type { TextTokenizer } from '../corpus/tokenizer/tokenizer.ts';
import type { Centre } from '../models/centre.ts';
import type { Decoder } from '../models/decoder.ts';
import { pooledStates, type StatePooling } from '../models/pooledStates.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { l2Normalize } from '../ops/l2Normalize.ts';

export interface EmbedOptions extends StatePooling {
  readonly role: RetrieverRole;
  readonly centre?: Centre | undefined;
  /** Longest row in tokens, prefix and EOS included; longer texts are cut, as in training. */
  readonly maxTokens: number;
  /** Ends the work between two batches with a CorpusError `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Share of the tokens done, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
  /** Most tokens on the GPU at once (a longer row goes alone). */
  readonly batchTokens?: number | undefined;
}

/** Keeps a GPU busy without a need for much memory; on a CPU a batch should end soon enough to be stopped after it. */
const BATCH_TOKENS = { gpu: 4096, software: 512 } as const;
/** The attention kernels take rows of one batch at a time in their grid; more rows than this gain nothing. */
const BATCH_ROWS = 256;

interface Row extends RetrieverRow {
  /** Where its embedding goes: equal texts share a row. */
  readonly places: number[];
}

/**
 * Embeddings of texts by a retriever, of length 1: [texts.length, hiddenSize] in the texts' order. Each distinct text is
 * computed once, so equal texts have equal embeddings to the bit. Nothing stays on the GPU.
 * @throws CorpusError `aborted`; the GPU's errors.
 */
export async function embedTexts(
  runtime: Runtime,
  decoder: Decoder,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<Float32Array<ArrayBuffer>> {
  const { signal, onProgress } = options;
  const { hiddenSize } = decoder.config;
  const budget = options.batchTokens ?? BATCH_TOKENS[runtime.gpu.info.software ? 'software' : 'gpu'];
  const rows = await tokenRows(tokenizer, texts, options);
  const total = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  const embeddings = new Float32Array(texts.length * hiddenSize);
  let done = 0;
  onProgress?.(0);
  for (const batch of batches(rows, budget)) {
    if (signal?.aborted) throw stopped();
    const vectors = await embedBatch(runtime, decoder, batch, options);
    batch.forEach(({ places }, i) => {
      const vector = vectors.subarray(i * hiddenSize, (i + 1) * hiddenSize);
      for (const place of places) embeddings.set(vector, place * hiddenSize);
    });
    done += batch.reduce((sum, { ids }) => sum + ids.length, 0);
    onProgress?.(done / total);
  }
  return embeddings;
}

function stopped(): CorpusError {
  return new CorpusError('aborted', 'Embedding was stopped.');
}

/** Token rows of the distinct texts, longest first: the first batch needs the most memory, and later ones find it again. */
async function tokenRows(
  tokenizer: TextTokenizer,
  texts: readonly string[],
  { role, maxTokens, signal }: EmbedOptions,
): Promise<Row[]> {
  const pause = pacer(signal, 'Embedding');
  const byText = new Map<string, Row>();
  for (const [place, text] of texts.entries()) {
    const known = byText.get(text);
    if (known) known.places.push(place);
    else byText.set(text, { ...retrieverRow(tokenizer, text, role, { maxLength: maxTokens }), places: [place] });
    await pause();
  }
  return [...byText.values()].sort((a, b) => b.ids.length - a.ids.length);
}

/** Consecutive rows of at most `budget` tokens together; a single row may have more. */
function* batches(rows: readonly Row[], budget: number): Generator<Row[], void, void> {
  let batch: Row[] = [];
  let tokens = 0;
  for (const row of rows) {
    if (batch.length > 0 && (tokens + row.ids.length > budget || batch.length === BATCH_ROWS)) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push(row);
    tokens += row.ids.length;
  }
  if (batch.length > 0) yield batch;
}

/** [rows.length, hiddenSize], each of length 1. */
function embedBatch(
  runtime: Runtime,
  decoder: Decoder,
  rows: readonly Row[],
  options: EmbedOptions,
): Promise<Float32Array> {
  return runtime.compute(() => {
    const marked = { ids: rows.map(({ ids }) => ids), content: rows.map(({ content }) => content) };
    const pooled = pooledStates(runtime, decoder, marked, options);
    return l2Normalize(runtime, options.centre?.ofSide(pooled, options.role) ?? pooled);
  });
}
