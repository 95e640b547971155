import type { AttributionView, PairView } from '../../../src/lab/door/views.ts';
import { matrixOf, type Picture } from '../../../src/run/record.ts';

const HEADS = 2;

/**
 * An inspection with invented numbers, to test how the page draws: in head 1 every token attends to the same word of the other
 * chunk where there is one, in head 2 to the token at its own place; nothing here was computed.
 */
export function inventedPair(record: Picture, query: number, context: number, layer = 1): PairView {
  const { metrics, batch } = record;
  const [own, other] = [query, context].map((chunk) => batch.chunks[chunk]!.tokens.map((token) => token.trim()));
  const [queryTokens, contextTokens] = [own!.length, other!.length];
  const filled = (value: (h: number, t: number) => number) =>
    Float32Array.from({ length: HEADS * queryTokens }, (_, at) =>
      value(Math.floor(at / queryTokens), at % queryTokens),
    );
  const probabilities = new Float32Array(HEADS * queryTokens * contextTokens);
  for (let h = 0; h < HEADS; h++)
    for (let t = 0; t < queryTokens; t++) {
      const same = other!.indexOf(own![t]!);
      const target = h === 0 && same >= 0 ? same : t % contextTokens;
      for (let m = 0; m < contextTokens; m++)
        probabilities[(h * queryTokens + t) * contextTokens + m] =
          m === target ? 0.7 + 0.3 / contextTokens : 0.3 / contextTokens;
    }
  const at = query * batch.chunks.length + context;
  return {
    step: metrics.step,
    updates: metrics.step,
    batch,
    query,
    context,
    layer,
    heads: HEADS,
    gates: [0, 1],
    vNorm: true,
    attention: matrixOf(record, 'attention')[at]!,
    similarity: matrixOf(record, 'similarity')[at]!,
    queryTokens,
    contextTokens,
    probabilities,
    valueNorms: filled((h, t) => 1 + h + 0.1 * t),
    outputNorms: filled((h, t) => (1 + h + 0.1 * t) * (t % 2 === 0 ? 0.9 : 0.4)),
    contributionNorms: filled((_, t) => (layer === 0 ? 0 : 0.1 + 0.05 * t)),
    selfNorms: filled(() => 2),
  };
}

/** Partners give every second token half a nat or more, the others next to nothing. */
export function inventedAttribution(record: Picture): AttributionView {
  const { metrics, batch } = record;
  const attention = matrixOf(record, 'attention');
  const { chunks } = batch;
  const counts = chunks.map(({ tokens }) => tokens.length - 1);
  const gain = (i: number, j: number, t: number): number => {
    if (i === j) return 0;
    return chunks[i]!.document === chunks[j]!.document ? (t % 2 === 0 ? 2 : 0) : t === 1 ? -0.3 : 0.02;
  };
  const ofRow = (i: number, value: (t: number) => number) =>
    Float32Array.from({ length: counts[i]! }, (_, t) => value(t));
  const total = (i: number, t: number): number => chunks.reduce((sum, _, j) => sum + gain(i, j, t), 0);
  return {
    step: metrics.step,
    updates: metrics.step,
    batch,
    attention: Float32Array.from(attention),
    tokenLoss: chunks.map((_, i) => ofRow(i, () => 0.5)),
    isolatedTokenLoss: chunks.map((_, i) => ofRow(i, (t) => 0.5 + total(i, t))),
    firstOrder: Float32Array.from(attention, (_, at) => {
      const [i, j] = [Math.floor(at / chunks.length), at % chunks.length];
      return i !== j && chunks[i]!.document === chunks[j]!.document ? 0.8 : 0.01;
    }),
    leaveOneOut: chunks.map((_, i) =>
      Float32Array.from({ length: chunks.length * counts[i]! }, (_n, at) =>
        gain(i, Math.floor(at / counts[i]!), at % counts[i]!),
      ),
    ),
  };
}
