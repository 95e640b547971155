import type { TokenBatch } from '../../src/corpus/types.ts';
import { batchAttentionReference } from './batchAttention.ts';
import { referenceDecoder, referencePass, type ReferenceDecoder } from './decoder.ts';
import { l2Normalize } from './l2Normalize.ts';
import { linearCrossEntropyReference } from './linearCrossEntropy.ts';
import { poolRows } from './pooling.ts';
import type { Pooling } from '../../src/ops/pooling.ts';

export interface ReferenceRevela {
  retriever: ReferenceDecoder;
  languageModel: ReferenceDecoder;
  /** Output head [V, D]. */
  head: ArrayLike<number>;
  temperature: number;
  pooling: Pooling;
  vNorm: boolean;
  /** γ of each layer. */
  gates: ArrayLike<number>;
}

/** In-batch loss, loss of the plain pass, S and A of a batch in f64, from the definition (docs/METHOD.md, steps 1 to 5). */
export function referenceRevela(model: ReferenceRevela, { queryIds, passageIds, lmIds }: TokenBatch) {
  const { retriever, languageModel, head, temperature, pooling, vNorm, gates } = model;
  const chunks = lmIds.length;
  const embed = (ids: readonly (readonly number[])[]) => {
    const lengths = ids.map((row) => row.length);
    const pooled = poolRows(referenceDecoder(retriever, ids), lengths, retriever.hiddenSize, pooling);
    return l2Normalize(pooled, retriever.hiddenSize);
  };
  const [queries, passages] = [embed(queryIds), embed(passageIds)];
  const similarity = Float64Array.from({ length: chunks * chunks }, (_, at) => {
    let sum = 0;
    for (let d = 0; d < retriever.hiddenSize; d++)
      sum +=
        queries[Math.floor(at / chunks) * retriever.hiddenSize + d]! *
        passages[(at % chunks) * retriever.hiddenSize + d]!;
    return sum;
  });
  const attention = batchAttentionReference(similarity, chunks, temperature);
  const plain = referencePass(languageModel, lmIds);
  const inBatch = referencePass(languageModel, lmIds, { attention, keyValues: plain.keyValues, vNorm, gates });
  const positions: number[] = [];
  const next: number[] = [];
  let start = 0;
  for (const row of lmIds) {
    for (let t = 1; t < row.length; t++) {
      positions.push(start + t - 1);
      next.push(row[t]!);
    }
    start += row.length;
  }
  const loss = (hidden: Float64Array) =>
    linearCrossEntropyReference(hidden, head, languageModel.hiddenSize, positions, next).loss;
  return { ntpLoss: loss(inBatch.hidden), isolatedLoss: loss(plain.hidden), similarity, attention };
}
