import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContrastiveBatch, ContrastiveLoss } from '../../../src/objectives/contrastive/contrastive.ts';
import { decoupledSoftmaxLoss } from '../../../src/objectives/decoupledSoftmax/objective.ts';
import { infoNceLoss } from '../../../src/objectives/infoNce/loss.ts';
import { mannWhitneyLoss } from '../../../src/objectives/mannWhitney/objective.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { l2Normalize } from '../../../src/ops/l2Normalize.ts';
import { similarity } from '../../../src/ops/similarity.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';

interface Golden {
  readonly labels: number[];
  readonly partnersOf: number[][];
  readonly temperature: number;
  readonly queries: number[][];
  readonly passages: number[][];
  readonly similarity: number[][];
  readonly losses: Record<
    'infoNce' | 'decoupledSoftmax' | 'mannWhitney',
    {
      readonly loss: number;
      readonly similarityGradient: number[][];
      readonly queryGradient: number[][];
      readonly passageGradient: number[][];
    }
  >;
}

const GOLDENS = JSON.parse(
  readFileSync(join(import.meta.dirname, 'golden/expected.json'), 'utf8'),
) as readonly Golden[];
const LOSSES = {
  infoNce: infoNceLoss,
  decoupledSoftmax: decoupledSoftmaxLoss,
  mannWhitney: mannWhitneyLoss,
} satisfies Record<string, (temperature: number) => ContrastiveLoss>;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** A batch of so many rows: a loss looks at labels and numbers of rows alone. */
function batchOf({ labels, partnersOf, queries, passages }: Golden): ContrastiveBatch {
  return { pairs: { queryIds: queries.map(() => [0]), passageIds: passages.map(() => [0]) }, partnersOf, labels };
}

/** ‖a − b‖ / ‖b‖. */
function distance(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  const length = (values: readonly number[]) => Math.hypot(...values);
  return length(b.map((value, i) => (a[i] ?? NaN) - value)) / length(b);
}

describe.each(Object.entries(LOSSES))('%s against PyTorch', (name, lossOf) => {
  test.each(GOLDENS.map((golden, i) => [i, golden] as const))(
    'case %i: the loss, and its gradients by similarities and embeddings',
    async (_, golden) => {
      const { queries, passages, temperature } = golden;
      const expected = golden.losses[name as keyof typeof LOSSES];
      const kind = lossOf(temperature);
      const batch = batchOf(golden);
      const onSimilarities = await runOp(
        runtime,
        [{ data: Float32Array.from(golden.similarity.flat()), shape: [queries.length, passages.length] }],
        (c, [s]) => [kind.record(c, s!, batch).loss],
        [Float32Array.of(1)],
      );
      expect(Math.abs(onSimilarities.outputs[0]![0]! / expected.loss - 1)).toBeLessThan(1e-6);
      expect(distance(onSimilarities.gradients[0]!, expected.similarityGradient.flat())).toBeLessThan(1e-6);

      const width = queries[0]!.length;
      const embeddings = Float32Array.from([...queries, ...passages].flat());
      const onEmbeddings = await runOp(
        runtime,
        [{ data: embeddings, shape: [queries.length + passages.length, width] }],
        (c, [e]) => [kind.record(c, similarity(c, l2Normalize(c, e!), queries.length), batch).loss],
        [Float32Array.of(1)],
      );
      // Cosines are rounded to 2⁻²⁴, and then divided by τ.
      const rel = 1e-6 / Math.min(1, 4 * temperature);
      expect(
        distance(onEmbeddings.gradients[0]!, [...expected.queryGradient, ...expected.passageGradient].flat()),
      ).toBeLessThan(rel);
    },
  );
});
