import { ReportedError } from '../base/errors.ts';
import { byteText } from '../files/formats/byteText.ts';
import { GpuLimitError } from '../gpu/errors.ts';
import { DEFAULT_LIMITS, type Imitated } from '../gpu/dryDevice.ts';
import type { DecoderConfig } from '../models/config.ts';
import type { DType } from '../ops/core/tensor.ts';
import { whyIdle } from '../settings/applicability.ts';
import { objectiveOf } from '../objectives/registry.ts';
import { contextLayers } from '../objectives/revela/options.ts';
import { fixedGates } from '../objectives/revela/revela.ts';
import { arithmeticOf } from './arithmetic.ts';
import { dropoutOf } from './dropout.ts';
import { loraConfig } from './loraShape.ts';
import { learnsGate } from './models.ts';
import { planMemory, storedAs, type MemoryPlan, type PlannedModel, type PlannedRun } from './memoryPlan.ts';
import { retrieverConfig } from './retrieverDepth.ts';
import { configure, type Configuration } from '../settings/configuration.ts';
import { SettingError } from '../settings/setting.ts';

/** What of a checkpoint decides how much memory a run takes. */
export interface PlannedBase {
  readonly config: DecoderConfig;
  /** Format of its matrices. */
  readonly stored: DType;
}

/** The models of a run, as far as memory goes; the same object twice when both stand on one base. */
export interface PlannedBases {
  readonly languageModel: PlannedBase;
  readonly retriever: PlannedBase;
}

/** A run, its prediction, and whether it fits. */
export interface FittedPlan {
  readonly configuration: Configuration;
  readonly plan: MemoryPlan | undefined;
  readonly budgetBytes: number;
  /** Why it cannot run, in words; undefined when it can. */
  readonly refusal: string | undefined;
  /** The nearest settings that fit, as changes, where there are any. */
  readonly nearest: Readonly<Partial<Configuration>> | undefined;
}

/** A run that needs more memory than it may take. */
export class MemoryRefusedError extends ReportedError {
  override readonly name = 'MemoryRefusedError';
  override readonly kind = 'outOfMemory';
  override readonly action = 'Take that, or raise “GPU memory to use” if this GPU has more. Nothing was loaded.';

  constructor(
    message: string,
    readonly nearest: FittedPlan['nearest'],
  ) {
    super(message);
  }
}

/** Rows of many lengths leave buffers of many sizes: measured, up to this factor of what full rows hold. */
const RAGGED_MARGIN = 1.05;

/** What a GPU is assumed to be before one is open: the least that WebGPU allows. */
const ANY_GPU: Imitated = {
  limits: DEFAULT_LIMITS,
  info: { vendor: '', architecture: '', description: '', software: false },
};

/** A configuration as the planner takes it. `longestRow`: tokens of the longest chunk, where that is known to be less than allowed. */
export function plannedRun(configuration: Configuration, bases: PlannedBases, longestRow = Infinity): PlannedRun {
  const { trained, precision, chunks, chunkTokens, contextGate, accumulation } = configuration;
  const definition = objectiveOf(configuration);
  const full = trained === 'full';
  const learns = definition.learners(configuration);
  const isCheckpoint = configuration.base === 'checkpoint';
  const model = ({ config, stored }: PlannedBase, learning: boolean): PlannedModel => ({
    config,
    trainable: full,
    storage: storedAs(isCheckpoint ? formatOf(precision, stored) : stored),
    adapter: full || (isCheckpoint && !learning) ? undefined : loraConfig(configuration),
    learns: learning,
  });
  const retrieverBase = { ...bases.retriever, config: retrieverConfig(configuration, bases.retriever.config) };
  const { layers, vocabularySize } = bases.languageModel.config;
  return {
    languageModel: definition.needsLanguageModel ? model(bases.languageModel, learns.languageModel) : undefined,
    retriever: model(retrieverBase, learns.retriever),
    sharedBase: definition.needsLanguageModel && !full && bases.languageModel === bases.retriever,
    gates: learnsGate(configuration)
      ? fixedGates(layers, { contextGate, contextLayers: contextLayers(layers, configuration) })
      : undefined,
    centring: configuration.centring,
    bind: (models) => definition.bind(models, configuration),
    batch: definition.fullBatch({
      chunks,
      tokens: Math.min(chunkTokens - 1, longestRow),
      configuration,
      retrieverVocabulary: bases.retriever.config.vocabularySize,
      languageModelVocabulary: vocabularySize,
    }),
    accumulation,
    dropout: dropoutOf(configuration),
    arithmetic: arithmeticOf(configuration),
  };
}

function formatOf(precision: Configuration['precision'], stored: DType): DType {
  if (precision === 'int8') return 'i8';
  return precision === 'bf16' ? 'bf16' : stored;
}

/** Predicts what a configuration needs, and looks for the nearest one that fits when it needs too much. */
export async function fitPlan(
  configuration: Configuration,
  bases: PlannedBases,
  gpu: Imitated = ANY_GPU,
  longestRow?: number,
): Promise<FittedPlan> {
  const budgetBytes = configuration.memoryBudget * 1e9;
  const { plan, refusal } = await attempt(configuration, bases, gpu, longestRow);
  if (refusal === undefined) return { configuration, plan, budgetBytes, refusal, nearest: undefined };
  for (const changes of smaller(configuration)) {
    const changed = valid(configuration, changes);
    if (changed && (await attempt(changed, bases, gpu, longestRow)).refusal === undefined)
      return { configuration, plan, budgetBytes, refusal, nearest: changes };
  }
  return { configuration, plan, budgetBytes, refusal, nearest: undefined };
}

/** @throws MemoryRefusedError, in words that name the nearest setting that fits. */
export async function refuseUnlessItFits(
  configuration: Configuration,
  bases: PlannedBases,
  gpu: Imitated,
  longestRow?: number,
): Promise<void> {
  const { refusal, nearest } = await fitPlan(configuration, bases, gpu, longestRow);
  if (refusal === undefined) return;
  throw new MemoryRefusedError(
    `${refusal} ${nearest ? `This would fit: ${inWords(nearest)}.` : 'Choose a smaller model or smaller batches.'}`,
    nearest,
  );
}

async function attempt(
  configuration: Configuration,
  bases: PlannedBases,
  gpu: Imitated,
  longestRow: number | undefined,
): Promise<{ plan: MemoryPlan | undefined; refusal: string | undefined }> {
  try {
    const plan = await planMemory(plannedRun(configuration, bases, longestRow), gpu);
    const budget = configuration.memoryBudget * 1e9;
    const needed = plan.peakHeld * RAGGED_MARGIN;
    const refusal =
      needed > budget
        ? `A run would need ${byteText(needed)} of GPU memory, and ${byteText(budget)} may be used.`
        : undefined;
    return { plan, refusal };
  } catch (cause) {
    if (!(cause instanceof GpuLimitError)) throw cause;
    return { plan: undefined, refusal: cause.message };
  }
}

/** Changes that take less memory, the least painful first. */
function* smaller(c: Configuration): Generator<Partial<Configuration>> {
  const free: Partial<Configuration>[] = [{}];
  if (!c.checkpointing) free.push({ checkpointing: true });
  if (c.precision !== 'int8' && whyIdle('precision', c) === undefined && valid(c, { precision: 'int8' }))
    free.push(...free.map((changes) => ({ ...changes, precision: 'int8' as const })));
  yield* free.slice(1);
  const most = free.at(-1) ?? {};
  const ranks = whyIdle('rank', c) === undefined ? halves(c.rank, 4) : [c.rank];
  const lengths = halves(c.chunkTokens, 32);
  const batches = halves(c.chunks, 2).filter((chunks) => valid(c, { chunks }));
  // The fewest halvings first, whatever they halve.
  const all = ranks.flatMap((rank, i) =>
    lengths.flatMap((chunkTokens, j) =>
      batches.map((chunks, k) => ({ cost: i + j + k, changes: { ...most, rank, chunkTokens, chunks } })),
    ),
  );
  for (const { changes, cost } of all.sort((a, b) => a.cost - b.cost)) if (cost > 0) yield onlyChanged(c, changes);
  if (c.base === 'checkpoint' && c.trained === 'full') yield { ...most, trained: 'lora', precision: 'int8' };
}

function halves(value: number, least: number): number[] {
  const list = [value];
  for (let next = Math.floor(value / 2); next >= least; next = Math.floor(next / 2)) list.push(next);
  return list;
}

function onlyChanged(c: Configuration, changes: Partial<Configuration>): Partial<Configuration> {
  return Object.fromEntries(Object.entries(changes).filter(([key, value]) => c[key as keyof Configuration] !== value));
}

function valid(configuration: Configuration, changes: Partial<Configuration>): Configuration | undefined {
  try {
    return configure(changes, configuration);
  } catch (cause) {
    if (cause instanceof SettingError) return undefined;
    throw cause;
  }
}

function inWords(changes: Partial<Configuration>): string {
  return Object.entries(changes)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}
