import { Random } from '../src/corpus/random.ts';
import { parseDecoderConfig } from '../src/models/config.ts';
import type { ObjectiveBatch } from '../src/objectives/objective.ts';
import { isRevelaBatch, type RevelaBatch } from '../src/objectives/revela/objective.ts';
import { Runtime } from '../src/ops/core/runtime.ts';
import { plannedRun } from '../src/run/memory.ts';
import { countedRun } from '../src/run/memoryPlan.ts';
import { configure } from '../src/settings/configuration.ts';
import { SMOLLM2 } from './checkpointConfigs.ts';
import { median } from './compare.ts';
import { placeShares } from './hostProfile.ts';
import { idleDevice } from './idleDevice.ts';
import { makeRunner } from './steps.ts';
import { formatShare, type Column, type Row } from './table.ts';

export const HOST_COLUMNS: readonly Column[] = [
  { key: 'step', title: 'step' },
  { key: 'wallMs', title: 'wall ms' },
  { key: 'cpuMs', title: 'CPU ms' },
  { key: 'dispatches', title: 'dispatches' },
  { key: 'mbytes', title: 'MB of the ops' },
  { key: 'gflops', title: 'GFLOP' },
];

export const HOST_SPLIT_COLUMNS: readonly Column[] = [
  { key: 'step', title: 'step' },
  { key: 'place', title: 'where' },
  { key: 'ms', title: 'CPU ms a step' },
  { key: 'share', title: 'share', format: formatShare },
];

/** B and tokens of a chunk at SmolLM2, and the rank of its adapters. */
const LORA = { chunks: 8, chunkTokens: 64, rank: 8, alpha: 16 } as const;

/** A step to be timed; each on a device of its own that does nothing. */
interface Case {
  readonly step: string;
  readonly runtime: Runtime;
  readonly trainer: { step(): Promise<unknown> };
  /** Steps that one measurement is the mean of: short steps need several, for the clock of the processor time. */
  readonly repeated: number;
}

/**
 * JavaScript time of whole updates, without a GPU: the small model of the default preset on its own batches, and SmolLM2-135M with
 * adapters on full rows and on rows of many lengths. `rounds` measurements of each in turn, after as many steps that warm up; then the
 * same steps by what they spend their time on.
 */
export async function benchHost(
  rounds: number,
  signal: AbortSignal,
): Promise<{ readonly steps: Row[]; readonly split: Row[] }> {
  const cases = [await smallCase(), await smolCase('full rows'), await smolCase('ragged rows')];
  const samples = cases.map(() => [] as { readonly wall: number; readonly cpu: number }[]);
  const counts = cases.map(() => ({ dispatches: 0, bytes: 0, flops: 0 }));
  for (let round = -Math.ceil(rounds / 2); round < rounds; round++)
    for (const [i, { runtime, trainer, repeated }] of cases.entries()) {
      signal.throwIfAborted();
      const before = runtime.recorder.counts;
      const [cpu, wall] = [process.cpuUsage(), performance.now()];
      for (let n = 0; n < repeated; n++) await trainer.step();
      const ms = (performance.now() - wall) / repeated;
      const { user, system } = process.cpuUsage(cpu);
      if (round < 0) continue;
      samples[i]?.push({ wall: ms, cpu: (user + system) / 1000 / repeated });
      const after = runtime.recorder.counts;
      const sums = counts[i];
      if (sums) for (const key of ['dispatches', 'bytes', 'flops'] as const) sums[key] += after[key] - before[key];
    }
  const perStep = (i: number, key: 'dispatches' | 'bytes' | 'flops') =>
    (counts[i]?.[key] ?? NaN) / rounds / (cases[i]?.repeated ?? NaN);
  const steps = cases.map(({ step }, i) => ({
    step,
    wallMs: median((samples[i] ?? []).map(({ wall }) => wall)),
    cpuMs: median((samples[i] ?? []).map(({ cpu }) => cpu)),
    dispatches: perStep(i, 'dispatches'),
    mbytes: perStep(i, 'bytes') / 1e6,
    gflops: perStep(i, 'flops') / 1e9,
  }));
  const split: Row[] = [];
  for (const [i, { step, trainer, repeated }] of cases.entries()) {
    signal.throwIfAborted();
    const times = repeated * Math.ceil(rounds / 2);
    const places = await placeShares(async () => {
      for (let n = 0; n < times; n++) await trainer.step();
    });
    split.push(...places.map(({ place, share }) => ({ step, place, ms: share * Number(steps[i]?.cpuMs), share })));
  }
  return { steps, split };
}

async function smallCase(): Promise<Case> {
  const runtime = new Runtime(idleDevice());
  const { trainer } = await makeRunner(runtime, 'default', configure({}));
  return { step: 'facts, small', runtime, trainer, repeated: 20 };
}

/** Weights are allocated and never set: neither the work nor the time of JavaScript depends on the numbers. */
async function smolCase(rows: 'full rows' | 'ragged rows'): Promise<Case> {
  const runtime = new Runtime(idleDevice());
  const base = { config: parseDecoderConfig(SMOLLM2), stored: 'bf16' } as const;
  const configuration = configure({ base: 'checkpoint', trained: 'lora', ...LORA });
  const run = plannedRun(configuration, { languageModel: base, retriever: base });
  const { trainer } = await countedRun(runtime, run, {
    batchAt: (position) => (rows === 'full rows' ? run.batch : ragged(run.batch, position)),
    scored: () => [run.batch],
  });
  return { step: `SmolLM2-135M, LoRA r ${LORA.rank}, ${rows}`, runtime, trainer, repeated: 1 };
}

/** The batch with rows cut short, each batch in its own way, as those of a text are: half a row at least. */
function ragged(batch: ObjectiveBatch, position: number): ObjectiveBatch {
  if (!isRevelaBatch(batch)) throw new Error('The preset trains for Revela.');
  const random = Random.fromSeed(position);
  const { tokens } = batch;
  const shares = tokens.lmIds.map(() => 0.5 + random.uniform() / 2);
  const cut = (ids: readonly (readonly number[])[]) =>
    ids.map((row, i) => row.slice(0, Math.max(2, Math.round((shares[i] ?? 1) * row.length))));
  const spans = (ids: readonly (readonly number[])[]) => cut(ids).map((row) => [0, row.length - 1] as const);
  const cutTokens: RevelaBatch['tokens'] = {
    queryIds: cut(tokens.queryIds),
    passageIds: cut(tokens.passageIds),
    queryContent: spans(tokens.queryIds),
    passageContent: spans(tokens.passageIds),
    lmIds: cut(tokens.lmIds),
  };
  return Object.assign({}, batch, { tokens: cutTokens });
}
