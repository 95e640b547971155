import type { Runtime } from '../ops/core/runtime.ts';
import { gemm } from '../ops/core/gemm.ts';
import { poolRows } from '../ops/pooling.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import type { Decoder } from './decoder.ts';

export interface GenerateOptions {
  /** Most tokens to add. */
  readonly maxTokens: number;
  /** Each of them ends the text; not part of the answer. */
  readonly endIds?: readonly number[];
  /** Ends the text after the token under way. */
  readonly signal?: AbortSignal | undefined;
  /** Hears each token as it is chosen. */
  readonly onToken?: ((id: number) => void) | undefined;
}

/**
 * Greedy continuation of `ids`: each new token is the one with the highest logit (of equal ones the first). A tool to see
 * that a model is loaded right, so it keeps no key/value cache: every token runs the whole prefix again.
 * @returns the new ids.
 * @throws Error for an empty prompt, ids beyond the vocabulary, or a decoder without an output head.
 */
export async function generate(
  runtime: Runtime,
  decoder: Decoder,
  ids: readonly number[],
  { maxTokens, endIds = [], signal, onToken }: GenerateOptions,
): Promise<number[]> {
  if (ids.length === 0) throw new Error('There is nothing to continue: the prompt has no tokens.');
  const added: number[] = [];
  while (added.length < maxTokens && !signal?.aborted) {
    const next = argmax(await nextLogits(runtime, decoder, [...ids, ...added]));
    if (endIds.includes(next)) break;
    added.push(next);
    onToken?.(next);
  }
  return added;
}

/** Logits [V] of the token that follows `ids`. Nothing stays on the GPU. */
export async function nextLogits(runtime: Runtime, decoder: Decoder, ids: readonly number[]): Promise<Float32Array> {
  const { head } = decoder.weights;
  if (!head) throw new Error('The model has no output head, so it cannot predict tokens.');
  return runtime.compute(() => {
    const input = decoder.prepare(runtime, [ids]);
    const { hidden } = decoder.forward(runtime, input);
    const last = poolRows(runtime, hidden, input.rows, 'eos');
    return runtime.computing(decoder.arithmetic, () => headProducts(runtime, last, head));
  });
}

/** h · Wᵀ over all shards of the head: h [1, D] → [1, V]. */
function headProducts(runtime: Runtime, h: Tensor, head: readonly { readonly weight: Tensor }[]): Tensor {
  const vocabulary = head.reduce((sum, { weight }) => sum + weight.rows, 0);
  const logits = runtime.tensor([1, vocabulary]);
  let offset = 0;
  for (const { weight } of head) {
    const out = { tensor: logits, offset, stride: vocabulary };
    gemm(runtime, {
      layout: 'NT',
      m: 1,
      n: weight.rows,
      k: h.columns,
      a: { tensor: h },
      b: { tensor: weight },
      out,
    });
    offset += weight.rows;
  }
  return logits;
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  return best;
}
