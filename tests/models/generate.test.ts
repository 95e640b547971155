import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDecoder } from '../../src/files/models/decoderFiles.ts';
import { writeSafetensors } from '../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../src/models/config.ts';
import { rotaryFrequencies } from '../../src/models/rotaryFrequencies.ts';
import { Decoder } from '../../src/models/decoder.ts';
import { generate, nextLogits } from '../../src/models/generate.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { folder } from '../files/helpers.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { EPS_F32, expectClose } from '../harness/numerics.ts';
import { LLAMA_JSON, QWEN2_JSON, randomCheckpoint } from '../harness/tinyDecoder.ts';
import { referenceDecoder } from '../reference/decoder.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** A tiny model on the GPU, and the reference's logits of the token after `ids`. */
async function open(json: typeof QWEN2_JSON | typeof LLAMA_JSON, seed: number, { head = true, shardRows = 4 } = {}) {
  const config = parseDecoderConfig(json);
  const tensors = randomCheckpoint(config, seed);
  const files = folder({ 'model.safetensors': writeSafetensors(tensors) });
  const weights = await loadDecoder(runtime, files, config, { head, trainable: false, shardRows });
  const { hiddenSize, vocabularySize } = config;
  const table = tensors.find(
    ({ name }) => name === (config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head') + '.weight',
  );
  const expectedLogits = (ids: readonly number[]): number[] => {
    const model = { ...config, epsilon: config.rmsNormEpsilon, frequencies: rotaryFrequencies(config), tensors };
    const last = referenceDecoder(model, [ids]).slice(-hiddenSize);
    return Array.from({ length: vocabularySize }, (_, row) =>
      last.reduce((sum, value, d) => sum + value * (table?.data[row * hiddenSize + d] ?? NaN), 0),
    );
  };
  return { decoder: new Decoder(config, weights), expectedLogits, destroy: () => weights.destroy() };
}

describe.each([
  ['tied head', QWEN2_JSON, 31],
  ['head of its own', LLAMA_JSON, 32],
])('%s, in shards', (_what, json, seed) => {
  test('logits of the next token are the reference’s', async () => {
    const { decoder, expectedLogits, destroy } = await open(json, seed);
    for (const ids of [[3, 1, 4], [7]])
      // Hidden states near 1 as in the decoder's own test, then sums of 16 products.
      expectClose('logits', await nextLogits(runtime, decoder, ids), expectedLogits(ids), { abs: 1000 * EPS_F32 });
    destroy();
  });

  test('each token is the likeliest after all before it', async () => {
    const { decoder, expectedLogits, destroy } = await open(json, seed);
    const before = runtime.pool.report().liveBuffers;
    const expected = [3, 1];
    for (let n = 0; n < 6; n++) {
      const logits = expectedLogits(expected);
      expected.push(logits.indexOf(Math.max(...logits)));
    }
    const heard: number[] = [];
    const ids = await generate(runtime, decoder, [3, 1], { maxTokens: 6, onToken: (id) => heard.push(id) });
    expect(ids).toEqual(expected.slice(2));
    expect(heard).toEqual(ids);
    expect(runtime.pool.report().liveBuffers).toBe(before);
    // The same text ends before the token that stands for its end, and where it is stopped.
    const eosId = ids[3];
    expect(
      await generate(runtime, decoder, [3, 1], { maxTokens: 6, endIds: [decoder.config.vocabularySize, eosId!] }),
    ).toEqual(ids.slice(0, ids.indexOf(eosId!)));
    const stop = new AbortController();
    const stopped = await generate(runtime, decoder, [3, 1], {
      maxTokens: 6,
      signal: stop.signal,
      onToken: () => stop.abort(),
    });
    expect(stopped).toEqual(ids.slice(0, 1));
    destroy();
  });
});

test('an empty prompt, ids beyond the vocabulary and a retriever without a head are refused', async () => {
  const { decoder, destroy } = await open(QWEN2_JSON, 33);
  const before = runtime.pool.report().liveBuffers;
  await expect(generate(runtime, decoder, [], { maxTokens: 1 })).rejects.toThrow(/no tokens/);
  await expect(generate(runtime, decoder, [11], { maxTokens: 1 })).rejects.toThrow(/11/);
  expect(runtime.pool.report().liveBuffers).toBe(before);
  destroy();
  const retriever = await open(LLAMA_JSON, 34, { head: false });
  await expect(generate(runtime, retriever.decoder, [1], { maxTokens: 1 })).rejects.toThrow(/no output head/);
  retriever.destroy();
});
