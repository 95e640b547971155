import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Configuration } from '../lab/configuration.ts';
import { setUpCorpus, type CorpusSetup } from '../lab/corpusSetup.ts';
import { openExperiment, type Experiment } from '../lab/experiment.ts';
import type { Bases } from '../lab/pretrained.ts';
import { evaluationRecord, stepRecord } from '../lab/records.ts';
import type { Evaluation, RunRecord, StepMetrics, StepRecord } from '../lab/run.ts';
import type { Context } from '../ops/context.ts';
import { loadProgress, openBases } from './modelFolder.ts';
import { openNodeContext } from './nodeGpu.ts';
import { adapterText, reportCompiling, timeText } from './reports.ts';
import { snapshotSteps } from './snapshots.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  nothingMore,
  parse,
  readConfiguration,
  SETTINGS_HELP,
  whole,
  type Command,
} from './usage.ts';

export const trainCommand: Command = {
  name: 'train',
  usage: '[--model DIR] [settings]',
  summary: 'trains retriever and language model and prints what happens',
  help: `${CONFIGURATION_HELP}
  --steps N                updates to make (default 500)
  --every N                print the metrics of every Nth step (default 10)
  --json                   one JSON object a line, from step 1 on
  --record FILE            write the run, with its matrices, as the page replays it
${SETTINGS_HELP}`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      steps: { type: 'string' },
      every: { type: 'string' },
      json: { type: 'boolean' },
      record: { type: 'string' },
    });
    nothingMore(positionals);
    const { configuration, name } = readConfiguration(values);
    const options: TrainOptions = {
      configuration,
      name,
      steps: whole('steps', values.steps, 500),
      every: whole('every', values.every, 10),
      json: values.json === true,
      record: values.record,
      signal,
    };
    const run = await openRun(configuration, { ...values, retrieverModel: values['retriever-model'] }, signal);
    await train(run, options);
    run.destroy();
  },
};

export interface OpenRun {
  readonly context: Context;
  readonly corpus: CorpusSetup;
  readonly bases: Bases | undefined;
  readonly experiment: Experiment;
  destroy(): void;
}

/** Everything of a run, ready for its first step: text, checkpoints, models. Says on standard error what takes time. */
export async function openRun(
  configuration: Configuration,
  sources: { file?: string | undefined; model?: string | undefined; retrieverModel?: string | undefined },
  signal: AbortSignal,
): Promise<OpenRun> {
  const bases = sources.model === undefined ? undefined : await openBases(sources.model, sources.retrieverModel);
  const corpus = await setUpCorpus(configuration, { ...(await userText(sources.file)), bases, signal });
  const context = await openNodeContext();
  reportCompiling(context);
  const experiment = await openExperiment(context, configuration, corpus, bases, {
    signal,
    onProgress: loadProgress(),
    onQuantised: ({ worst, overall }) =>
      process.stderr.write(
        `int8 weights: ${(100 * overall).toFixed(2)} % off the stored ones, at most ${(100 * worst.relativeRms).toFixed(2)} % (${worst.name})\n`,
      ),
  });
  return {
    context,
    corpus,
    bases,
    experiment,
    destroy() {
      experiment.destroy();
      context.destroy();
    },
  };
}

interface TrainOptions {
  readonly configuration: Configuration;
  readonly name: string;
  readonly steps: number;
  readonly every: number;
  readonly json: boolean;
  readonly record: string | undefined;
  readonly signal: AbortSignal;
}

/** Evaluate at least this often, whatever the configuration says. */
const EVALUATE_AT_LEAST_EVERY = 50;

/** Trains for a number of steps, prints metrics, and writes the run when asked to. Ends early on Ctrl-C, keeping both. */
async function train({ context, corpus, experiment }: OpenRun, options: TrainOptions): Promise<void> {
  const { configuration, signal } = options;
  const { trainer } = experiment;
  const evaluateEvery = Math.min(configuration.evaluateEvery, EVALUATE_AT_LEAST_EVERY);
  const print = options.json ? printJson : printText;
  if (!options.json) {
    for (const notice of corpus.summary.notices) process.stdout.write(`note: ${notice}\n`);
    process.stdout.write(`${corpus.summary.title} on ${adapterText(context)}\n`);
  }
  const metrics: StepMetrics[] = [];
  const snapshots: StepRecord[] = [];
  const evaluations: Evaluation[] = [];
  const keep = new Set(options.record === undefined ? [] : snapshotSteps(options.steps));
  const evaluate = async (): Promise<void> => {
    const evaluation = evaluationRecord(await trainer.evaluate(), corpus);
    evaluations.push(evaluation);
    // The lines of --json are about training: models that have not made a step yet are left out.
    if (evaluation.step > 0 || !options.json) print(undefined, evaluation);
  };
  await evaluate();
  for (let last = false; !last;) {
    const record = stepRecord(await trainer.step(), corpus, configuration);
    const { step } = record.metrics;
    metrics.push(record.metrics);
    if (keep.has(step)) snapshots.push(record);
    last = step >= options.steps || signal.aborted;
    if (step % options.every === 0 || last) print(record.metrics, undefined);
    // The end of the run deserves scores in any case.
    if (last || step % evaluateEvery === 0) await evaluate();
  }
  if (!options.json) process.stdout.write(timesText(metrics));
  if (options.record !== undefined) {
    const run: RunRecord = {
      version: 1,
      name: options.name,
      configuration,
      corpus: corpus.summary,
      adapter: adapterText(context),
      metrics,
      snapshots,
      evaluations,
    };
    await writeFile(options.record, JSON.stringify(run, shortNumbers));
  }
}

async function userText(file: string | undefined): Promise<{ text?: Uint8Array; title?: string }> {
  return file === undefined ? {} : { text: new Uint8Array(await readFile(file)), title: basename(file) };
}

/** The first step by itself, since it may have compiled kernels; evaluations are not in either. */
function timesText(metrics: readonly StepMetrics[]): string {
  const [first, ...later] = metrics.map(({ stepMs }) => stepMs);
  const sorted = later.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const rest = median === undefined ? '' : `, the others ${timeText(median)} each (median)`;
  return `${metrics.length} steps: the first took ${timeText(first ?? 0)}, compiling included${rest}\n`;
}

/** Five digits are plenty for a picture, and a third of the bytes. */
function shortNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}

function heldOut({ recallAt1, chance, tfidfRecallAt1, ntpLoss, isolatedLoss, effectiveDocuments }: Evaluation) {
  return { recallAt1, chance, tfidfRecallAt1, ntpLoss, isolatedLoss, effectiveDocuments };
}

function printJson(metrics: StepMetrics | undefined, evaluation: Evaluation | undefined): void {
  const line =
    metrics ?? (evaluation ? { step: evaluation.step, ...losses(evaluation), heldOut: heldOut(evaluation) } : {});
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function losses({ ntpLoss, isolatedLoss }: Evaluation) {
  return { ntpLoss, isolatedLoss };
}

const percent = (value: number | undefined) => (value === undefined ? '   –' : value.toFixed(2));

function printText(metrics: StepMetrics | undefined, evaluation: Evaluation | undefined): void {
  if (metrics)
    process.stdout.write(
      `step ${String(metrics.step).padStart(5)}  loss ${metrics.ntpLoss.toFixed(4)}  alone ${metrics.isolatedLoss.toFixed(4)}` +
        `  recall@1 ${percent(metrics.recallAt1)}  reads ${metrics.effectiveDocuments.toFixed(2)}  |g| ${metrics.gradientNorm.toFixed(3)}  ${metrics.stepMs.toFixed(0)} ms\n`,
    );
  if (evaluation)
    process.stdout.write(
      `  held out at ${evaluation.step}: recall@1 ${percent(evaluation.recallAt1)} (chance ${percent(evaluation.chance)}, TF-IDF ${percent(evaluation.tfidfRecallAt1)})` +
        `  loss ${evaluation.ntpLoss.toFixed(4)}  alone ${evaluation.isolatedLoss.toFixed(4)}  gain ${(evaluation.isolatedLoss - evaluation.ntpLoss).toFixed(4)}\n`,
    );
}
