import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Configuration } from '../lab/configuration.ts';
import { setUpCorpus } from '../lab/corpusSetup.ts';
import { buildExperiment } from '../lab/experiment.ts';
import { evaluationRecord, stepRecord } from '../lab/records.ts';
import type { Evaluation, RunRecord, StepMetrics, StepRecord } from '../lab/run.ts';
import { openNodeContext } from './nodeGpu.ts';
import { snapshotSteps } from './snapshots.ts';

export interface TrainArguments {
  readonly configuration: Configuration;
  readonly name: string;
  readonly file: string | undefined;
  readonly steps: number;
  readonly every: number;
  readonly json: boolean;
  readonly record: string | undefined;
  readonly signal: AbortSignal;
}

/** Evaluate at least this often, whatever the configuration says. */
const EVALUATE_AT_LEAST_EVERY = 50;

/** `train`: trains for a number of steps, prints metrics, and writes the run when asked to. Ends early on Ctrl-C, keeping both. */
export async function trainCommand(options: TrainArguments): Promise<void> {
  const configuration = {
    ...options.configuration,
    evaluateEvery: Math.min(options.configuration.evaluateEvery, EVALUATE_AT_LEAST_EVERY),
  };
  const corpus = await setUpCorpus(configuration, await userText(options.file));
  const context = await openNodeContext();
  const { description, vendor, architecture } = context.gpu.adapter;
  const adapter = description || `${vendor} ${architecture}`;
  const experiment = buildExperiment(context, configuration, corpus);
  const print = options.json ? printJson : printText;
  if (!options.json) {
    for (const notice of corpus.summary.notices) process.stdout.write(`note: ${notice}\n`);
    process.stdout.write(`${corpus.summary.title} on ${adapter}\n`);
  }
  const metrics: StepMetrics[] = [];
  const snapshots: StepRecord[] = [];
  const evaluations: Evaluation[] = [];
  const keep = new Set(options.record === undefined ? [] : snapshotSteps(options.steps));
  for await (const event of experiment.trainer.events()) {
    if (event.type === 'evaluation') {
      const evaluation = evaluationRecord(event, corpus);
      evaluations.push(evaluation);
      // The lines of --json are about training: models that have not made a step yet are left out.
      if (event.step > 0 || !options.json) print(undefined, evaluation);
      continue;
    }
    const record = stepRecord(event, corpus, configuration);
    metrics.push(record.metrics);
    if (keep.has(record.metrics.step)) snapshots.push(record);
    const { step } = record.metrics;
    const last = step >= options.steps || options.signal.aborted;
    if (step % options.every === 0 || last) print(record.metrics, undefined);
    if (!last) continue;
    // The generator evaluates on its own rhythm; the end of the run deserves scores in any case.
    const final = evaluationRecord(await experiment.trainer.evaluate(), corpus);
    evaluations.push(final);
    print(undefined, final);
    break;
  }
  if (options.record !== undefined) {
    const run: RunRecord = {
      version: 1,
      name: options.name,
      configuration: options.configuration,
      corpus: corpus.summary,
      adapter,
      metrics,
      snapshots,
      evaluations,
    };
    await writeFile(options.record, JSON.stringify(run, shortNumbers));
  }
  experiment.destroy();
  context.destroy();
}

async function userText(file: string | undefined): Promise<{ text?: Uint8Array; title?: string }> {
  return file === undefined ? {} : { text: new Uint8Array(await readFile(file)), title: basename(file) };
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
