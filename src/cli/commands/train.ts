import type { Configuration } from '../../settings/configuration.ts';
import { evaluationRecord, stepRecord } from '../../run/records.ts';
import type { Evaluation, RunRecord, StepMetrics, StepRecord } from '../../run/record.ts';
import { runArchive, wholeModel } from '../../run/takeHome.ts';
import { jsonPieces } from '../../files/formats/jsonPieces.ts';
import { openRun, type CommandRun, type RunSources } from '../support/openRun.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { adapterText, timeText } from '../support/reports.ts';
import { readAdapters, readRun, restoreRun, savedRunChunks, type SavedRun } from '../support/save.ts';
import { snapshotSteps } from '../support/snapshots.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  nothingMore,
  parse,
  readConfiguration,
  SETTINGS_HELP,
  UsageError,
  whole,
  type Command,
} from '../support/usage.ts';

export const trainCommand: Command = {
  name: 'train',
  usage: '[--model DIR] [settings]',
  summary: 'trains retriever and language model and prints what happens',
  help: `${CONFIGURATION_HELP}
  --steps N                train up to this step (default 500)
  --every N                print the metrics of every Nth step (default 10)
  --json                   one JSON object a line, from step 1 on
  --record FILE            write the run, with its matrices, as the page replays it
  --adapters PATH          begin with these adapters: a folder or zip file, as exported or saved by PEFT
  --save FILE.zip          write what was learnt: both adapters, or both models where all weights are trained
  --export DIR             the same as a folder
  --save-model DIR         write the language model as a Hugging Face folder (with --trained full)
  --checkpoint FILE        write a saved run at the end: its whole state, to go on from there
  --checkpoint-every N     and after every N steps
  --resume FILE            go on with a saved run: its settings, text and step; settings given here come on top
${FORCE_HELP}
Ctrl-C ends the run after the step under way, with everything written; once more ends it at once.
${SETTINGS_HELP}`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      steps: { type: 'string' },
      every: { type: 'string' },
      json: { type: 'boolean' },
      record: { type: 'string' },
      adapters: { type: 'string' },
      save: { type: 'string' },
      export: { type: 'string' },
      'save-model': { type: 'string' },
      checkpoint: { type: 'string' },
      'checkpoint-every': { type: 'string' },
      resume: { type: 'string' },
      ...FORCE_OPTION,
    });
    nothingMore(positionals);
    const outputs = await prepareOutputs(values);
    const saved = values.resume === undefined ? undefined : await readRun(values.resume);
    const { configuration, name } = readConfiguration(values, saved?.configuration);
    if (values['save-model'] !== undefined && configuration.trained !== 'full')
      throw new UsageError(
        '--save-model writes a model whose weights were all trained: it goes with --trained full. Adapters are written by --save or --export.',
      );
    if (values.save !== undefined && !values.save.endsWith('.zip'))
      throw new UsageError(`--save writes a zip file, so its name ends in .zip; --export writes a folder.`);
    if (values['checkpoint-every'] !== undefined && values.checkpoint === undefined)
      throw new UsageError('--checkpoint-every needs --checkpoint FILE.');
    const options: TrainOptions = {
      configuration,
      name: saved?.record?.name ?? name,
      steps: whole('steps', values.steps, 500),
      every: whole('every', values.every, 10),
      json: values.json === true,
      outputs,
      checkpointEvery: whole('checkpoint-every', values['checkpoint-every'], Infinity),
      signal,
    };
    if (saved && saved.state.step >= options.steps)
      throw new UsageError(`The saved run has made ${saved.state.step} steps; --steps says up to which step to go on.`);
    const run = await openRun(configuration, { text: saved?.text, title: saved?.title, ...values }, { signal });
    try {
      if (saved) await restoreRun(saved, run);
      if (values.adapters !== undefined) process.stderr.write(`${await readAdapters(run, values.adapters)}\n`);
      await train(run, options, saved);
      let archive: ReturnType<typeof runArchive> | undefined;
      const learnt = () => (archive ??= runArchive(run));
      await outputs.writeFiles('--save', learnt);
      await outputs.writeFiles('--export', learnt);
      await outputs.writeFiles('--save-model', () => {
        const { runtime, experiment, prepared } = run;
        return wholeModel(runtime, experiment.models.languageModel, prepared.corpus.tokenizer, true);
      });
      outputs.finish();
    } finally {
      run.destroy();
    }
  },
};

interface Paths extends RunSources {
  readonly record?: string;
  readonly checkpoint?: string;
  readonly save?: string;
  readonly export?: string;
  readonly 'save-model'?: string;
  readonly adapters?: string;
  readonly resume?: string;
  readonly force?: boolean;
}

/** Tries all that the run is to write before it begins. @throws UsageError */
function prepareOutputs(paths: Paths): Promise<Outputs> {
  const { force, resume } = paths;
  return Outputs.prepare(
    [
      { option: '--record', path: paths.record, kind: 'file' },
      { option: '--checkpoint', path: paths.checkpoint, kind: 'file' },
      { option: '--save', path: paths.save, kind: 'file' },
      { option: '--export', path: paths.export, kind: 'folder' },
      { option: '--save-model', path: paths['save-model'], kind: 'folder' },
    ],
    {
      force,
      goesOn: ['--checkpoint', '--resume'],
      inputs: {
        '--resume': resume,
        '--file': paths.file,
        '--adapters': paths.adapters,
        '--model': paths.model,
        '--retriever-model': paths['retriever-model'],
      },
    },
  );
}

interface TrainOptions {
  readonly configuration: Configuration;
  readonly name: string;
  readonly steps: number;
  readonly every: number;
  readonly json: boolean;
  readonly outputs: Outputs;
  readonly checkpointEvery: number;
  readonly signal: AbortSignal;
}

/** Trains up to a step, prints metrics, and writes the run when asked to. Ends early on Ctrl-C, keeping all of it. */
async function train(run: CommandRun, options: TrainOptions, saved: SavedRun | undefined): Promise<void> {
  const { runtime, experiment } = run;
  const { corpus } = run.prepared;
  const { configuration, outputs, signal } = options;
  const { trainer } = experiment;
  const print = options.json ? printJson : printText;
  if (!options.json) {
    for (const notice of corpus.summary.notices) process.stdout.write(`note: ${notice}\n`);
    process.stdout.write(`${corpus.summary.title} on ${adapterText(runtime)}\n`);
  }
  const before = saved?.record;
  const metrics: StepMetrics[] = [...(before?.metrics ?? [])];
  const snapshots: StepRecord[] = [...(before?.snapshots ?? [])];
  const evaluations: Evaluation[] = [...(before?.evaluations ?? [])];
  const times: number[] = [];
  const keep = new Set(snapshotSteps(options.steps));
  const record = (): RunRecord => ({
    version: 1,
    name: options.name,
    configuration,
    corpus: corpus.summary,
    adapter: adapterText(runtime),
    metrics,
    snapshots,
    evaluations,
  });
  const evaluate = async (): Promise<void> => {
    const evaluation = evaluationRecord(await trainer.evaluate(), corpus);
    evaluations.push(evaluation);
    // The lines of --json are about training: models that have not made a step yet are left out.
    if (evaluation.step > 0 || !options.json) print(undefined, evaluation);
  };
  if (experiment.optimiser.step === 0) await evaluate();
  for (let last = false; !last;) {
    const made = stepRecord(await trainer.step(), corpus, configuration);
    const { step, stepMs } = made.metrics;
    metrics.push(made.metrics);
    times.push(stepMs);
    if (keep.has(step)) snapshots.push(made);
    last = step >= options.steps || signal.aborted;
    if (step % options.every === 0 || last) print(made.metrics, undefined);
    // The end of the run deserves scores in any case.
    if (last || step % configuration.evaluateEvery === 0) await evaluate();
    // After the scores, so that a run that goes on from here has them.
    if (last || step % options.checkpointEvery === 0) {
      const failure = await outputs.write('--checkpoint', () => savedRunChunks(run, record()));
      if (failure !== undefined && !last) process.stderr.write(`${failure} The run goes on after step ${step}.\n`);
    }
  }
  if (!options.json) process.stdout.write(timesText(times));
  await outputs.write('--record', () => jsonPieces(record(), shortNumber));
}

/** The first step by itself, since it may have compiled kernels; evaluations are not in either. */
function timesText(times: readonly number[]): string {
  const [first, ...later] = times;
  const sorted = later.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const rest = median === undefined ? '' : `, the others ${timeText(median)} each (median)`;
  return `${times.length} steps: the first took ${timeText(first ?? 0)}, compiling included${rest}\n`;
}

/** Five digits are plenty for a picture, and a third of the bytes. */
function shortNumber(value: unknown): unknown {
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
