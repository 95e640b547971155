import { collate } from '../corpus/batches/collation.ts';
import type { RetrieverRows } from '../corpus/types.ts';
import type { Centre } from '../models/centre.ts';
import type { Decoder } from '../models/decoder.ts';
import { pooledStates, type MarkedRows } from '../models/pooledStates.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Pooling } from '../ops/pooling.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSetup } from './corpusSetup.ts';

/** Chunks that a centre is the mean of: those of as many of the first training batches as hold this many, each once. */
const SAMPLE_CHUNKS = 80;

export interface MeasuringOptions {
  readonly signal?: AbortSignal | undefined;
  /** Share of the sample that is done. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * The rows that a run's centre is measured on: the chunks of its first training batches as queries, cut as `firstHalf` says, and as
 * passages. The same for both objectives, since it is these rows that the retriever reads when it searches.
 */
export function centringSample(
  { batches, retrieverTokenizer }: Pick<CorpusSetup, 'batches' | 'retrieverTokenizer'>,
  { chunkTokens: maxLength, firstHalf }: Pick<Configuration, 'chunkTokens' | 'firstHalf'>,
): RetrieverRows[] {
  const options = { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true };
  const seen = new Set<number>();
  // The batches of a short text hold its few chunks again and again: reading one twice costs time and says nothing new.
  return Array.from({ length: Math.ceil(SAMPLE_CHUNKS / batches.batchSize) }, (_, i) =>
    batches.batchAt(i).chunks.filter(({ index }) => !seen.has(index) && seen.add(index)),
  )
    .filter((chunks) => chunks.length > 0)
    .map((chunks) =>
      collate(
        chunks.map(({ text }) => text),
        options,
        retrieverTokenizer,
      ),
    );
}

/**
 * Sets a centre to the mean of the retriever's pooled states as it is now, over all queries and over all passages of the sample.
 * Nothing else stays on the GPU. @throws what the signal was aborted with, the GPU's errors.
 */
export async function measureCentre(
  runtime: Runtime,
  retriever: Decoder,
  centre: Centre,
  sample: readonly RetrieverRows[],
  pooling: Pooling,
  { signal, onProgress }: MeasuringOptions = {},
): Promise<void> {
  const { width } = centre;
  const sums = [new Float64Array(width), new Float64Array(width)];
  let rows = 0;
  for (const [i, { queryIds, passageIds, queryContent, passageContent }] of sample.entries()) {
    signal?.throwIfAborted();
    onProgress?.(i / sample.length);
    const sides: MarkedRows[] = [
      { ids: queryIds, content: queryContent },
      { ids: passageIds, content: passageContent },
    ];
    for (const [side, marked] of sides.entries()) {
      const states = await runtime.compute(() => pooledStates(runtime, retriever, marked, { pooling }));
      states.forEach((value, at) => (sums[side]![at % width]! += value));
    }
    rows += queryIds.length;
  }
  onProgress?.(1);
  centre.set(Float32Array.from(sums.flatMap((sum) => Array.from(sum, (value) => value / rows))));
  await runtime.recorder.flush();
  runtime.pool.trim();
}
