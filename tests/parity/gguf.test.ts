import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../src/cli/support/modelFolder.ts';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import { loadDecoder } from '../../src/files/models/decoderFiles.ts';
import { numberFormat } from '../../src/files/models/numberFormat.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import { Decoder } from '../../src/models/decoder.ts';
import { predictedTokens } from '../../src/objectives/revela/predictedTokens.ts';
import { linearCrossEntropy } from '../../src/ops/linearCrossEntropy.ts';
import { expectClose } from '../harness/numerics.ts';
import { openTestRuntime } from '../harness/runtime.ts';

const HERE = join(import.meta.dirname, 'gguf');
const BLOCK_TYPES = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K'];

test.each(BLOCK_TYPES)('%s: the numbers of ggml, bit for bit', async (type) => {
  const file = await openWeights(folderFiles(HERE), 'blocks');
  const blocks = await file.readBytes(`${type}.blocks`);
  const theirs = await file.readFloats(`${type}.values`);
  const ours = numberFormat(type, type).toFloats(blocks);
  expect(ours.length).toBe(theirs.length);
  // Object.is tells zeros of both signs apart, and takes any NaN for another.
  const other = ours.findIndex((value, i) => !Object.is(value, theirs[i]));
  expect(other, `number ${other}: ${ours[other]} and ${theirs[other]}`).toBe(-1);
  // The last two blocks have scales that are infinite and NaN.
  const format = numberFormat(type, type);
  expect(format.firstNonFinite(blocks)).toBe(theirs.length - 2 * format.blockNumbers);
  expect(format.firstNonFinite(blocks.subarray(0, -2 * format.blockBytes))).toBe(-1);
});

test.each(['llama', 'qwen2', 'qwen3'])(
  '%s in GGUF: hidden states and losses are those of transformers',
  async (name) => {
    const runtime = await openTestRuntime();
    const { files, config } = await openCheckpoint(join(HERE, `${name}.gguf`));
    const theirs = await openWeights(folderFiles(HERE), name);
    const integers = async (tensor: string) => [...new Int32Array((await theirs.readBytes(tensor)).slice().buffer)];
    const ids = await integers('ids');
    let at = 0;
    const rows = (await integers('lengths')).map((length) => ids.slice(at, (at += length)));
    const weights = await loadDecoder(runtime, files, config, { head: true, trainable: false, precision: 'f32' });
    const decoder = new Decoder(config, weights);
    runtime.beginScope();
    const input = decoder.prepare(runtime, rows);
    const { hidden } = decoder.forward(runtime, input);
    const { positions, next, perRow } = predictedTokens(rows, input.rows, 'all');
    const { tokenLoss } = linearCrossEntropy(
      runtime,
      hidden,
      weights.head!,
      runtime.fromArray(positions, [positions.length]),
      runtime.fromArray(next, [next.length]),
    );
    const [states, losses] = [runtime.read(hidden), runtime.read(tokenLoss)];
    await runtime.recorder.flush();
    runtime.endScope();
    expectClose('hidden', await states, await theirs.readFloats('hidden'), { abs: 3e-5 });
    const perToken = [...(await losses)];
    const means = perRow.map((count) => perToken.splice(0, count).reduce((a, b) => a + b, 0) / count);
    expectClose('losses', means, await theirs.readFloats('losses'), { abs: 1e-5 });
    weights.destroy();
    runtime.destroy();
  },
);

test.each([
  ['llama', 'llama-bpe'],
  ['qwen2', 'qwen2'],
  ['smollm', 'smollm'],
])('the tokenizer in %s.gguf (%s): ids of a thousand lines', async (name) => {
  const { lines, digests } = JSON.parse(readFileSync(join(HERE, 'lines.json'), 'utf8')) as {
    lines: string[];
    digests: Record<string, string[]>;
  };
  const { tokenizer } = await openCheckpoint(join(HERE, `${name}.gguf`));
  const digest = (ids: readonly number[]) => createHash('sha256').update(ids.join(',')).digest('hex').slice(0, 10);
  const other = lines.filter((line, i) => digest(tokenizer.encode(line)) !== digests[name]?.[i]);
  expect(lines.length).toBe(1000);
  expect(other).toEqual([]);
});
