import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import type * as nodeGpu from '../../src/cli/support/nodeGpu.ts';
import { openZip } from '../../src/files/formats/zipReader.ts';
import { openPretrained } from '../../src/run/pretrained.ts';
import type { FittedPlan } from '../../src/run/memory.ts';
import type { RunRecord } from '../../src/run/record.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { lines, run } from './run.ts';

// Every command opens a GPU of its own and would compile its kernels anew: here they share one.
const shared = vi.hoisted(() => ({ runtime: undefined as Runtime | undefined }));
vi.mock('../../src/cli/support/nodeGpu.ts', async (original) => {
  const own = await original<typeof nodeGpu>();
  return {
    ...own,
    openNodeRuntime: () => (shared.runtime ? Promise.resolve(shared.runtime) : own.openNodeRuntime()),
  };
});

/** The smallest model with everything in it. */
const CONFIG = {
  model_type: 'qwen2',
  vocab_size: 300,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 16,
  tie_word_embeddings: true,
};
const FACTS =
  '--source facts --chunks 4 --chunkTokens 48 --heldOutBatches 1 --rank 2 --warmup 0 --freezeLanguageModel false'.split(
    ' ',
  );
const TEXT = Array.from(
  { length: 6 },
  (_, i) => `Essay ${i}\n\nThe number ${i} is curious. People count to ${i} for ages. Nobody minds it.`,
).join('\n\n---\n\n');

let close = (): void => undefined;
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
let text: string;
let model: string;
beforeAll(async () => {
  const runtime = await openTestRuntime();
  close = () => runtime.gpu.destroy();
  runtime.destroy = () => undefined;
  shared.runtime = runtime;
  folder = await mkdtemp(join(tmpdir(), 'revela-checkpoint-'));
  [text, model] = [at('text.txt'), at('model')];
  await writeFile(text, TEXT);
  await writeFile(at('shape.json'), JSON.stringify(CONFIG));
  const made = await run('make-checkpoint', model, '--config', at('shape.json'), '--seed', '3');
  expect([made.code, made.out]).toEqual([0, '']);
});
afterEach(() => {
  expect(shared.runtime?.pool.report().liveBuffers, 'a command gives back what it takes').toBe(0);
});
afterAll(async () => {
  close();
  await rm(folder, { recursive: true });
});

describe('make-checkpoint', () => {
  test('writes a folder that opens, with a tokenizer inside its vocabulary', async () => {
    expect((await readdir(model)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const { config, tokenizer, stored } = await openPretrained('model', folderFiles(model));
    expect(config).toMatchObject({ vocabularySize: 300, hiddenSize: 16, layers: 2, qkvBias: true });
    expect(stored).toBe('bf16');
    expect(tokenizer.vocabularySize).toBe(300);
    const written = JSON.parse(await readFile(join(model, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(written).toMatchObject({ ...CONFIG, eos_token_id: tokenizer.eosId, torch_dtype: 'bfloat16' });
  });

  test('the same seed gives the same file, and a folder that holds a model is left alone', async () => {
    const [again, other] = [at('again'), at('other')];
    await run('make-checkpoint', again, '--config', at('shape.json'), '--seed', '3');
    await run('make-checkpoint', other, '--config', at('shape.json'), '--seed', '4');
    const bytes = (where: string) => readFile(join(where, 'model.safetensors'));
    expect((await bytes(again)).equals(await bytes(model))).toBe(true);
    expect((await bytes(other)).equals(await bytes(model))).toBe(false);
    const { code, err } = await run('make-checkpoint', model, '--config', at('shape.json'));
    expect([code, err]).toEqual([1, expect.stringContaining('already holds files')]);
  });

  test.each([
    [{ ...CONFIG, vocab_size: 200 }, /at least 258/],
    [{ ...CONFIG, model_type: 'gpt2' }, /gpt2/],
    ['no JSON', /no config\.json/],
  ])('refuses %j', async (shape, message) => {
    await writeFile(at('bad.json'), typeof shape === 'string' ? shape : JSON.stringify(shape));
    const { code, err } = await run('make-checkpoint', at('bad'), '--config', at('bad.json'));
    expect(code).toBe(1);
    expect(err).toMatch(message);
    await expect(readdir(at('bad'))).rejects.toThrow();
  });
});

describe('train on a checkpoint', () => {
  test('goes on with a saved run as if it had not been interrupted, and exports what it has learnt', async () => {
    const train = (...args: string[]) => run('train', '--model', model, '--json', '--every', '1', ...args);
    const whole = await train(...FACTS, '--steps', '3', '--save', at('whole.zip'), '--model-name', 'owner/name');
    expect(whole.code).toBe(0);
    const first = await train(...FACTS, '--steps', '2', '--checkpoint', at('run.safetensors'), '--export', at('two'));
    const onward = ['--resume', at('run.safetensors'), '--export', at('three'), '--record', at('rest.json')];
    const rest = await train('--steps', '3', ...onward);
    const withoutTimes = (out: string) =>
      lines(out).map(({ stepMs: _ms, tokensPerSecond: _rate, memory: _memory, ...numbers }) => numbers);
    const [wholeLines, firstLines, restLines] = [whole, first, rest].map(({ out }) => withoutTimes(out));
    expect(wholeLines?.map(({ step }) => step)).toEqual([1, 2, 3, 3]);
    expect(firstLines?.slice(0, 2)).toEqual(wholeLines?.slice(0, 2));
    expect(restLines).toEqual(wholeLines?.slice(2));
    const record = JSON.parse(await readFile(at('rest.json'), 'utf8')) as RunRecord;
    expect(record.metrics.map(({ step }) => step)).toEqual([1, 2, 3]);
    // With the scores at the step where it was saved.
    expect(record.evaluations.map(({ step }) => step)).toEqual([0, 2, 3]);

    // Zip and folder hold the same adapters, under the names of their models.
    const zip = openZip(new Uint8Array(await readFile(at('whole.zip'))));
    for (const name of ['retriever', 'language-model']) {
      const source = await zip.files(`${name}/adapter_model.safetensors`);
      const bytes = await readFile(at('three', name, 'adapter_model.safetensors'));
      expect(Buffer.from((await source?.read(0, source.size)) ?? []).equals(bytes)).toBe(true);
    }
    const base = async (...path: string[]) =>
      (JSON.parse(await readFile(at(...path, 'adapter_config.json'), 'utf8')) as Record<string, unknown>)[
        'base_model_name_or_path'
      ];
    expect(await base('three', 'retriever')).toBe('model');

    // The saved run, exported by itself, is what was exported when it was saved.
    expect((await run('export', at('run.safetensors'), '--model', model, '--out', at('out'))).code).toBe(0);
    for (const name of ['retriever', 'language-model']) {
      const file = 'adapter_model.safetensors';
      expect((await readFile(at('out', name, file))).equals(await readFile(at('two', name, file)))).toBe(true);
    }

    const again = await train('--steps', '3', '--resume', at('run.safetensors'), '--preset', 'gentle');
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('--preset')]);
    const done = await train('--steps', '2', '--resume', at('run.safetensors'));
    expect([done.code, done.err]).toEqual([1, expect.stringContaining('2 steps')]);
    const misfit = await train('--steps', '3', '--resume', at('run.safetensors'), '--rank', '3');
    expect([misfit.code, misfit.err]).toEqual([1, expect.stringContaining('does not fit')]);
  });

  test('a model that was trained whole is a base for adapters, which can be put back under it', async () => {
    const small = '--layers 1 --width 16 --heads 2 --kvHeads 1 --mlpWidth 16'.split(' ');
    const facts = ['--chunks', '4', '--heldOutBatches', '1'];
    const base = await run(
      'train',
      '--attention',
      'oracle',
      '--steps',
      '1',
      ...small,
      ...facts,
      '--save-model',
      at('base'),
    );
    expect(base.code).toBe(0);
    const onBase = (...args: string[]) =>
      run(
        'train',
        ...['--model', at('base'), '--json', '--every', '1', ...FACTS],
        ...['--chunkTokens', '24', '--retrieverDepth', '0', ...args],
      );
    // One layer has none to leave off, which is said before anything is loaded.
    const deeper = await onBase('--steps', '1', '--retrieverDepth=-1');
    expect([deeper.code, deeper.err]).toEqual([1, expect.stringContaining('this model has 1 layer. Choose 0')]);
    const first = await onBase('--steps', '1', '--learningRate', '0.1', '--export', at('adapters'));
    expect(first.code).toBe(0);
    const fresh = await onBase('--steps', '1');
    const loaded = await onBase('--steps', '1', '--adapters', at('adapters'));
    expect(loaded.err).toContain('Adapters of the retriever and the language model are loaded.');
    const loss = (out: string) => lines(out)[0]?.['ntpLoss'];
    expect(loss(fresh.out)).toBe(loss(first.out));
    expect(loss(loaded.out)).not.toBe(loss(first.out));
    const none = await onBase('--steps', '1', '--adapters', at('nothing'));
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('no folder or file')]);
  });

  test('what does not fit into the memory that may be used is refused with what would', async () => {
    const shape = { ...CONFIG, hidden_size: 128, intermediate_size: 512, num_hidden_layers: 4 };
    await writeFile(at('wide.json'), JSON.stringify(shape));
    await run('make-checkpoint', at('wide'), '--config', at('wide.json'));
    const large = '--source kitchen --chunks 32 --chunkTokens 256 --checkpointing false --memoryBudget 0.125'.split(
      ' ',
    );
    const { code, err } = await run('train', '--model', at('wide'), '--steps', '1', ...large);
    expect(code).toBe(1);
    expect(err).toMatch(/125 MB may be used\. This would fit: checkpointing true/);
  });
});

test('plan says what a run needs, and what would fit where that is too much', async () => {
  const { code, out } = await run('plan', '--config', 'qwen2.5-0.5b', '--memoryBudget', '1', '--json');
  expect(code).toBe(0);
  const { plan, refusal, nearest, budgetBytes } = JSON.parse(out) as FittedPlan;
  expect(budgetBytes).toBe(1e9);
  // The weights alone take 2 bytes each.
  expect(plan?.byPurpose.weights).toBeGreaterThan(2 * 494_032_768);
  expect(refusal).toMatch(/1\.00 GB may be used/);
  expect(nearest).toMatchObject({ precision: 'int8' });
  const text = await run('plan', '--model', model);
  expect(text.out).toMatch(/all at once/);
  expect(text.out).toMatch(/This fits/);
});

test('step --model times one step by kernel and sets its memory beside the plan', async () => {
  const { code, out } = await run('step', '--model', model, ...FACTS, '--chunkTokens', '32', '--full-rows', '--json');
  expect(code).toBe(0);
  const report = JSON.parse(out) as {
    ntpLoss: number;
    isolatedLoss: number;
    tokens: number;
    kernels: { kernel: string }[];
    flops: number;
    plan: { peakTotal: number; step: { flops: number } };
    memory: { peakTotal: number };
  };
  // Random weights know nothing: ln 300.
  expect(report.ntpLoss).toBeCloseTo(Math.log(300), 0);
  expect(report.isolatedLoss).toBeCloseTo(Math.log(300), 0);
  expect(report.tokens).toBe(4 * 31);
  expect(Math.abs(report.plan.peakTotal / report.memory.peakTotal - 1)).toBeLessThan(0.05);
  // Every kernel of the step is in the table: together they do the work that the plan counted.
  expect(report.flops / report.plan.step.flops).toBeCloseTo(1, 6);
  const names = report.kernels.map(({ kernel }) => kernel);
  expect(names).toContain('adamw/step');
  expect(names.some((name) => /^inBatchAttention\/forward\.(tiled|direct)$/.test(name))).toBe(true);
});

describe('embed', () => {
  test('writes one row for each chunk, and finds the chunk that is asked for', async () => {
    const [npy, tsv] = [at('chunks.npy'), at('chunks.tsv')];
    const embed = (...args: string[]) => run('embed', '--model', model, '--file', text, '--chunkTokens', '64', ...args);
    const first = await embed('--out', npy, '--query', 'The number 3', '--top', '2');
    expect(first.code).toBe(0);
    expect(first.out.match(/^-?\d\.\d{4} {2}\d+ {2}Essay \d$/gm)).toHaveLength(2);
    const second = await embed('--out', tsv);
    expect([second.code, second.out]).toEqual([0, '']);
    const rows = (await readFile(tsv, 'utf8')).trim().split('\n');
    const bytes = await readFile(npy);
    const header = bytes.toString('latin1', 10, 10 + bytes.readUInt16LE(8));
    expect(header).toContain(`'shape': (${rows.length - 1}, 16)`);
    const numbers = bytes.subarray(bytes.length - 4 * 16 * (rows.length - 1));
    const last = rows.at(-1)?.split('\t').slice(1).map(Number) ?? [];
    expect(last.map(Math.fround)).toEqual(
      Array.from({ length: 16 }, (_, d) => numbers.readFloatLE(numbers.length - 4 * (16 - d))),
    );
    expect(Math.hypot(...last)).toBeCloseTo(1, 5);
  });

  test('takes a retriever’s adapter, and refuses a folder without one', async () => {
    const { code, err } = await run('embed', '--model', model, '--file', text, '--query', 'a', '--adapter', model);
    expect([code, err]).toEqual([1, expect.stringContaining('adapter_config.json')]);
  });
});

test('generate prints the prompt and what follows', async () => {
  const { code, out, err } = await run('generate', '--model', model, '--prompt', 'Salt and', '--tokens', '3');
  expect(code).toBe(0);
  expect(out.startsWith('Salt and')).toBe(true);
  expect(err).toMatch(/\d tokens in/);
});

test('a folder with half a model is refused by name', async () => {
  await run('make-checkpoint', at('half'), '--config', at('shape.json'));
  await rm(at('half', 'tokenizer.json'));
  const { code, err } = await run('generate', '--model', at('half'), '--prompt', 'a');
  expect(code).toBe(1);
  expect(err).toContain(at('half'));
  expect(err).toContain('tokenizer.json');
});
