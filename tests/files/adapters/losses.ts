import type { Decoder } from '../../../src/models/decoder.ts';
import { predictedTokens } from '../../../src/objectives/revela/predictedTokens.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { linearCrossEntropy } from '../../../src/ops/linearCrossEntropy.ts';

/** Loss of every predicted token of rows of ids, and their mean, in nats. */
export async function losses(
  runtime: Runtime,
  decoder: Decoder,
  rows: number[][],
): Promise<{ loss: number; tokenLoss: Float32Array }> {
  runtime.beginScope();
  const input = decoder.prepare(runtime, rows);
  const { positions, next } = predictedTokens(rows, input.rows, 'all');
  const { hidden } = decoder.forward(runtime, input);
  const found = linearCrossEntropy(
    runtime,
    hidden,
    decoder.weights.head!,
    runtime.fromArray(positions, [positions.length]),
    runtime.fromArray(next, [next.length]),
  );
  const [loss, tokenLoss] = [runtime.read(found.loss), runtime.read(found.tokenLoss)];
  await runtime.recorder.flush();
  runtime.endScope();
  return { loss: (await loss)[0]!, tokenLoss: await tokenLoss };
}
