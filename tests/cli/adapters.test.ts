import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import type * as nodeGpu from '../../src/cli/support/nodeGpu.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { lines, run } from './run.ts';

const shared = vi.hoisted(() => ({ runtime: undefined as Runtime | undefined }));
vi.mock('../../src/cli/support/nodeGpu.ts', async (original) => {
  const own = await original<typeof nodeGpu>();
  return { ...own, openNodeRuntime: () => (shared.runtime ? Promise.resolve(shared.runtime) : own.openNodeRuntime()) };
});

const FAULTS = join(import.meta.dirname, '../files/adapters/faults');
const RUN =
  '--source facts --chunks 4 --chunkTokens 24 --freezeLanguageModel false --heldOutBatches 1 --warmup 0 --steps 1 --every 1 --json'.split(
    ' ',
  );

let close = (): void => undefined;
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  const runtime = await openTestRuntime();
  close = () => runtime.gpu.destroy();
  runtime.destroy = () => undefined;
  shared.runtime = runtime;
  folder = await mkdtemp(join(tmpdir(), 'revela-adapters-'));
  await run('make-checkpoint', at('model'), '--config', join(FAULTS, 'config.json'), '--seed', '1');
  for (const name of ['p00-baseline', 'p02-regex-targets', 'p13-trainer-output']) {
    await mkdir(at(name));
    await cp(join(FAULTS, name, 'adapter_config.json'), at(name, 'adapter_config.json'));
    await cp(join(FAULTS, 'p00-baseline/adapter_model.safetensors'), at(name, 'adapter_model.safetensors'));
  }
  await cp(at('p00-baseline'), at('several', 'checkpoint-2'), { recursive: true });
  await cp(at('p00-baseline'), at('several', 'checkpoint-10'), { recursive: true });
  await cp(at('p00-baseline'), at('p13-trainer-output', 'checkpoint-2'), { recursive: true });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  close();
});

const train = (...args: string[]) => run('train', '--model', at('model'), ...RUN, ...args);

test.each(['p00-baseline', 'p02-regex-targets', 'p13-trainer-output'])(
  '%s: the run takes rank, alpha and targets of its adapter, and writes those again',
  async (name) => {
    const { code, out, err } = await train(
      '--adapters',
      at(name),
      '--learningRate',
      '1e-7',
      '--export',
      at(`${name}-out`),
    );
    expect([code, err]).toEqual([
      0,
      expect.stringContaining('note: the adapters have rank 4, alpha 8, loraTargets q,v'),
    ]);
    expect(err).toContain('Adapters of the language model are loaded.');
    const written = at(`${name}-out`, 'language-model');
    const json = JSON.parse(await readFile(join(written, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    expect(json).toMatchObject({ r: 4, lora_alpha: 8, target_modules: ['q_proj', 'v_proj'] });
    const [ours, theirs] = [
      await openWeights(folderFiles(written), 'adapter_model'),
      await openWeights(folderFiles(at(name)), 'adapter_model'),
    ];
    expect([...ours.names].sort()).toEqual([...theirs.names].sort());
    const [tensor = ''] = theirs.names;
    const [after, before] = [await ours.readFloats(tensor), await theirs.readFloats(tensor)];
    expect(Math.max(...after.map((value, i) => Math.abs(value - (before[i] ?? NaN))))).toBeLessThan(1e-6);
    expect(lines(out)[0]).toMatchObject({ step: 1 });
  },
);

test('what a flag says is kept, and then it is said which run the adapters go under', async () => {
  const { code, err } = await train('--adapters', at('p00-baseline'), '--loraTargets', 'q');
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(
      /has rank 4, alpha 8 on q_proj, v_proj, but this run has .* on q_proj\. They go under a run with rank 4, alpha 8, loraTargets q,v/,
    ),
  ]);
});

test('a folder with adapters below it alone names them', async () => {
  await writeFile(at('text.txt'), 'The sea is cold and the gulls are loud today. '.repeat(40));
  const { code, err } = await run(
    'embed',
    '--model',
    at('model'),
    '--adapter',
    at('several'),
    '--file',
    at('text.txt'),
    '--query',
    'One',
  );
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/has no adapter_config\.json: choose checkpoint-10 or checkpoint-2 in it/),
  ]);
});

test('plan counts the targets that are chosen', async () => {
  const optimiser = async (targets: string) => {
    const { out } = await run('plan', '--model', at('model'), '--json', '--loraTargets', targets);
    return (JSON.parse(out) as { plan: { byPurpose: { optimiser: number } } }).plan.byPurpose.optimiser;
  };
  expect(await optimiser('q')).toBeLessThan((await optimiser('q,k,v,o,gate,up,down')) / 2);
});
