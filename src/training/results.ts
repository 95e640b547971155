import type { RevelaForward } from '../objectives/revela.ts';
import type { Runtime } from '../ops/core/runtime.ts';

/** Numbers of one batch, read back from the GPU. Losses in nats per token. */
export interface BatchResult {
  readonly ntpLoss: number;
  readonly isolatedLoss: number;
  /** S and A, row-major [B, B]. */
  readonly similarity: Float32Array;
  readonly attention: Float32Array;
  /** Loss of each predicted token, by row. */
  readonly ntpTokenLoss: readonly Float32Array[];
  readonly isolatedTokenLoss: readonly Float32Array[];
}

/** Records the small readback of a batch; resolves after the next flush. */
export function readForward(runtime: Runtime, forward: RevelaForward): Promise<BatchResult> {
  const tensors = [
    forward.ntpLoss,
    forward.isolatedLoss,
    forward.similarity,
    forward.attention,
    forward.ntpTokenLoss,
    forward.isolatedTokenLoss,
  ];
  const empty = new Float32Array();
  const numbers = Promise.all(tensors.map((tensor) => runtime.read(tensor))).then(
    ([
      ntp = empty,
      isolated = empty,
      similarity = empty,
      attention = empty,
      tokens = empty,
      isolatedTokens = empty,
    ]) => ({
      ntpLoss: ntp[0] ?? NaN,
      isolatedLoss: isolated[0] ?? NaN,
      similarity,
      attention,
      ntpTokenLoss: byRow(tokens, forward.predictedPerRow),
      isolatedTokenLoss: byRow(isolatedTokens, forward.predictedPerRow),
    }),
  );
  // An abandoned step rejects its reads, and nobody may be waiting for them any more.
  numbers.catch(() => undefined);
  return numbers;
}

function byRow(values: Float32Array, lengths: readonly number[]): Float32Array[] {
  let start = 0;
  return lengths.map((length) => values.slice(start, (start += length)));
}
