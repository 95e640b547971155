import { expect, test } from 'vitest';
import { decoupledCrossEntropy } from '../../src/ops/decoupledCrossEntropy.ts';
import { testCellLoss } from '../harness/cellLoss.ts';
import { expectClose } from '../harness/numerics.ts';
import { decoupledCrossEntropyReference } from '../reference/cells.ts';

const run = testCellLoss({ op: decoupledCrossEntropy, reference: decoupledCrossEntropyReference });

test('far apart, the smallest τ overflows nothing, and without a negative there is no loss', async () => {
  const apart = await run(Float32Array.of(-1, 1, 1, 1, -1, 1), Uint32Array.of(2, 1, 1, 1, 2, 0), [2, 3], 1e-4);
  expectClose('loss', apart.outputs[0]!, [(20000 + Math.log(2) + 20000) / 2], { abs: 0, rel: 1e-5 });
  expect(apart.gradients[0]!.every(Number.isFinite)).toBe(true);
  const alone = await run(Float32Array.of(0.3, 0.2), Uint32Array.of(2, 0), [1, 2], 0.1);
  expect([Array.from(alone.outputs[0]!), Array.from(alone.gradients[0]!)]).toEqual([[0], [0, 0]]);
});
