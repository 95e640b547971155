import { byteText } from '../../files/formats/byteText.ts';
import { DEFAULT_LIMITS, type Imitated } from '../../gpu/dryDevice.ts';
import { fitPlan, type FittedPlan, type PlannedBases } from '../../run/memory.ts';
import { flopsOf, flopsText } from '../../run/flops.ts';
import { plannedBasesOf } from '../../run/openRun.ts';
import type { PreparedRun } from '../../run/recipe.ts';
import { noticesOf } from '../../run/checkpointNotices.ts';
import { setUpCorpus } from '../../run/corpusSetup.ts';
import { tableOf } from '../../objectives/tables.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { parseDecoderConfig } from '../../models/config.ts';
import { readShape } from './makeCheckpoint.ts';
import { readGivenFiles } from '../support/givenFiles.ts';
import { memoryTable } from '../support/memoryTable.ts';
import { openBases } from '../support/modelFolder.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { gpuText } from '../support/reports.ts';
import { CHECKPOINT_SHAPES } from '../support/randomCheckpoint.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  nothingMore,
  parse,
  readConfiguration,
  type Command,
  UsageError,
} from '../support/usage.ts';

/** The least that WebGPU promises, on a GPU. */
const ANY_GPU: Imitated = {
  limits: DEFAULT_LIMITS,
  info: { vendor: '', architecture: '', description: 'any GPU with WebGPU’s default limits', software: false },
};

export const planCommand: Command = {
  name: 'plan',
  usage: '--model PATH | --config SHAPE [settings]',
  summary: 'says how much GPU memory a run would need, by purpose, and what would fit where it is too much',
  help: `${CONFIGURATION_HELP}
  --config SHAPE           ${Object.keys(CHECKPOINT_SHAPES).join(', ')}, or the path of a config.json: no weights are needed
  --here                   for the GPU of this machine; otherwise for any GPU with WebGPU's default limits
  --json                   the plan as one JSON object
and every setting of train. --memoryBudget says how much may be used.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      config: { type: 'string' },
      here: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    nothingMore(positionals);
    if (values.config !== undefined && values.model !== undefined)
      throw new UsageError('Give --model PATH or --config SHAPE, not both.');
    const { configuration } = readConfiguration({ ...values, model: values.model ?? values.config });
    const { bases, prepared } = await planned(configuration, values, signal);
    const runtime = values.here ? await openNodeRuntime() : undefined;
    const fitted = await fitPlan(configuration, bases, runtime?.gpu ?? ANY_GPU);
    const typicalStep = prepared && { flops: await flopsOf(prepared, { gpu: runtime?.gpu ?? ANY_GPU }) };
    const where = runtime ? gpuText(runtime) : ANY_GPU.info.description;
    runtime?.destroy();
    const stepCost = tableOf(configuration).stepCost?.(configuration);
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ ...fitted, ...(typicalStep && { typicalStep }), ...(stepCost && { stepCost }) })}\n`
        : planText(fitted, where, typicalStep),
    );
  },
};

const note = (message: string): unknown => process.stderr.write(`note: ${message}\n`);

interface PlannedFrom {
  readonly config?: string;
  readonly model?: string;
  readonly 'retriever-model'?: string;
  readonly file?: readonly string[];
}

/** What the planner goes by, and the run itself where its text is at hand. */
interface Planned {
  readonly bases: PlannedBases;
  readonly prepared?: PreparedRun;
}

async function planned(
  configuration: Configuration,
  { config, model, 'retriever-model': retriever, file }: PlannedFrom,
  signal: AbortSignal,
): Promise<Planned> {
  if (config !== undefined) {
    const shape = parseDecoderConfig(await readShape(config), note);
    const base = { config: shape, stored: 'bf16' } as const;
    return { bases: { languageModel: base, retriever: base } };
  }
  const { text, title } = (file && (await readGivenFiles(file, signal))) ?? { text: undefined, title: undefined };
  const bases = model === undefined ? undefined : await openBases(model, retriever);
  if (bases && !file) {
    noticesOf(bases, configuration).forEach(note);
    return { bases };
  }
  const corpus = await setUpCorpus(configuration, { text, title, bases, signal });
  corpus.summary.notices.forEach(note);
  const prepared = { recipe: { configuration, text, title }, corpus, bases };
  return { bases: plannedBasesOf(prepared), prepared };
}

function planText(
  { plan, refusal, nearest, configuration, budgetBytes }: FittedPlan,
  where: string,
  typicalStep: { readonly flops: number } | undefined,
): string {
  const { chunks, chunkTokens, trained, rank, loraTargets, loraDropout, precision, checkpointing } = configuration;
  const dropout = loraDropout === 0 ? '' : `, dropout ${loraDropout}`;
  const how = trained === 'lora' ? `LoRA r ${rank} on ${loraTargets}${dropout}` : 'all weights';
  const lines = [
    `B ${chunks} × ${chunkTokens} tokens, ${how}, base ${precision}${checkpointing ? ', layers recomputed' : ''}, on ${where}\n\n`,
  ];
  if (plan) {
    lines.push(memoryTable(plan));
    lines.push(
      `held by the pool at most ${byteText(plan.peakHeld)}, largest buffer ${byteText(plan.largestBuffer)}\n`,
      `one step at its largest: ${plan.step.dispatches} dispatches, ${flopsText(plan.step.flops)}, ${byteText(plan.step.bytes)} read and written\n`,
    );
  }
  if (typicalStep) lines.push(`a step on this text, mean of the first: ${flopsText(typicalStep.flops)}\n`);
  const stepCost = tableOf(configuration).stepCost?.(configuration);
  if (stepCost) lines.push(`${stepCost.words}\n`);
  if (refusal === undefined) lines.push(`This fits into ${byteText(budgetBytes)}.\n`);
  else {
    const changes = Object.entries(nearest ?? {}).map(([key, value]) => `--${key} ${String(value)}`);
    lines.push(`${refusal}\n`);
    lines.push(
      changes.length > 0 ? `This would fit: ${changes.join(' ')}\n` : 'No change of these settings would fit.\n',
    );
  }
  return lines.join('');
}
