import { BUILT_IN_COLLECTIONS } from '../../evaluation/collections/builtInTable.ts';
import type { Encoder } from '../../encoder/encoder.ts';
import type { ObjectiveDefinition } from '../../objectives/objective.ts';
import { objectiveOf } from '../../objectives/registry.ts';
import { tableOf } from '../../objectives/tables.ts';
import { CollectionScorer } from '../../run/collectionScores.ts';
import { trainingLoop } from '../../run/loop.ts';
import type { RunRecord } from '../../run/record.ts';
import { RunLog } from '../../run/runLog.ts';
import { adapterSettings, importAdapters } from '../../run/adapterImport.ts';
import { settingsText } from '../../run/loraShape.ts';
import { restoreRun, saveRun, type SavedRun } from '../../run/saving.ts';
import { runArchive, wholeModel } from '../../run/takeHome.ts';
import { jsonPieces } from '../../files/formats/jsonPieces.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { openEncoderFolder } from '../support/encoder.ts';
import { openCollection, type CollectionFlags } from '../support/evaluation/collectionSource.ts';
import { jsonPrinter, textPrinter } from '../support/metrics.ts';
import { openRun, type CommandRun, type RunSources } from '../support/openRun.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { gpuText, reportNotices, timeText } from '../support/reports.ts';
import { openAdapters, readRunFile } from '../support/save.ts';
import { tellTiles, tuneTiles } from '../support/tuneTiles.ts';
import { shortNumbers } from '../support/shortNumbers.ts';
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
  usage: '[--model PATH] [settings]',
  summary: 'trains retriever and language model and prints what happens',
  help: `${CONFIGURATION_HELP}
  --steps N                train up to this step (default 500)
  --every N                print the metrics of every Nth step (default 10)
  --json                   one JSON object a line, from step 1 on
  --probe                  print the numbers of the batch that stays the same too, as often as --probe-every says
  --collection NAME|PATH   score the retriever on a labelled collection before the first step and at the end, beside BM25, and
                           after every --collectionEvery N steps (built in: ${BUILT_IN_COLLECTIONS.map(({ id }) => id).join(', ')})
  --split NAME, --qrels FILE  which judgements, as for evaluate
  --encoder DIR            the pretrained encoder of --teacher encoder, as for evaluate; asked once, before the first step
  --record FILE            write the run, with its matrices, as the page replays it
  --adapters PATH          begin with these adapters: a folder or zip file, as exported or saved by PEFT;
                           rank, alpha and targets are theirs where no flag says otherwise
  --save FILE.zip          write what was learnt: both adapters, or both models where all weights are trained
  --export DIR             the same as a folder
  --save-model DIR         write the language model as a Hugging Face folder (with --trained full)
  --checkpoint FILE        write a saved run at the end: its whole state, to go on from there
  --checkpoint-every N     and after every N steps
  --tune                   measure first which tiles of matrix products are fastest on this GPU (2 s at most); results are the same
  --resume FILE            go on with a saved run: its settings, text and step; settings given here come on top
${FORCE_HELP}
Ctrl-C ends the run after the step under way, with everything written; once more ends it at once.
${SETTINGS_HELP}`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      steps: { type: 'string' },
      encoder: { type: 'string' },
      every: { type: 'string' },
      json: { type: 'boolean' },
      probe: { type: 'boolean' },
      collection: { type: 'string' },
      split: { type: 'string' },
      qrels: { type: 'string' },
      record: { type: 'string' },
      adapters: { type: 'string' },
      save: { type: 'string' },
      export: { type: 'string' },
      'save-model': { type: 'string' },
      checkpoint: { type: 'string' },
      'checkpoint-every': { type: 'string' },
      tune: { type: 'boolean' },
      resume: { type: 'string' },
      ...FORCE_OPTION,
    });
    nothingMore(positionals);
    const outputs = await prepareOutputs(values);
    const saved = values.resume === undefined ? undefined : await readRunFile(values.resume);
    const adapters = values.adapters === undefined ? undefined : await openAdapters(values.adapters);
    const shape = adapters && !saved ? await adapterSettings(adapters) : undefined;
    const { configuration, name } = readConfiguration({ ...textsOf(shape), ...values }, saved?.settings);
    if (shape) process.stderr.write(`note: the adapters have ${settingsText(shape)}\n`);
    if (values['save-model'] !== undefined && configuration.trained !== 'full')
      throw new UsageError(
        '--save-model writes a model whose weights were all trained: it goes with --trained full. Adapters are written by --save or --export.',
      );
    if (values.save !== undefined && !values.save.endsWith('.zip'))
      throw new UsageError(`--save writes a zip file, so its name ends in .zip; --export writes a folder.`);
    if (values['checkpoint-every'] !== undefined && values.checkpoint === undefined)
      throw new UsageError('--checkpoint-every needs --checkpoint FILE.');
    const collection = await scorerOf(values, signal);
    const options: TrainOptions = {
      collection,
      configuration,
      name: saved?.record?.name ?? name,
      steps: whole('steps', values.steps, 500),
      every: whole('every', values.every, 10),
      json: values.json === true,
      probe: values.probe === true,
      outputs,
      checkpointEvery: whole('checkpoint-every', values['checkpoint-every'], Infinity),
      signal,
    };
    if (saved && saved.state.step >= options.steps)
      throw new UsageError(`The saved run has made ${saved.state.step} steps; --steps says up to which step to go on.`);
    const stepCost = tableOf(configuration).stepCost?.(configuration);
    if (stepCost) process.stderr.write(`note: ${stepCost.words}\n`);
    const sources = { text: saved?.text, title: saved?.title, ...values };
    const encoder = await teachingEncoder(values.encoder, configuration, saved, signal);
    const run = await openRun(configuration, sources, {
      signal,
      centre: saved?.centre,
      teacher: encoder,
      teacherVectors: saved?.teacherVectors,
      goesOn: saved !== undefined,
    }).finally(() => encoder?.close());
    try {
      await tellTiles(run);
      if (saved) await restoreRun(saved, run);
      if (values.tune) await tuneTiles(run, signal);
      if (adapters) process.stderr.write(`${await importAdapters(run, adapters)}\n`);
      await train(run, options, saved);
      let archive: ReturnType<typeof runArchive> | undefined;
      const learnt = () => (archive ??= runArchive(run));
      await outputs.writeFiles('--save', learnt);
      await outputs.writeFiles('--export', learnt);
      await outputs.writeFiles('--save-model', () => {
        const { runtime, experiment, prepared } = run;
        const { languageModel } = experiment.models;
        if (!languageModel) throw new UsageError('--save-model: this run has no language model.');
        return wholeModel(runtime, languageModel, prepared.corpus.tokenizer, true);
      });
      outputs.finish();
    } finally {
      run.destroy();
    }
  },
};

/** The encoder that teaches a run, where one does that has not said everything already. @throws UsageError, ModelFileError */
async function teachingEncoder(
  path: string | undefined,
  configuration: Configuration,
  saved: SavedRun | undefined,
  signal: AbortSignal,
): Promise<Encoder | undefined> {
  if (path === undefined) return undefined;
  const definition: ObjectiveDefinition = objectiveOf(configuration);
  if (definition.readsTeacherVectors?.(configuration) && !saved?.teacherVectors)
    return openEncoderFolder(path, { signal });
  const why = saved?.teacherVectors ? 'the saved run holds what its teacher said' : 'no encoder teaches this run';
  process.stderr.write(`note: --encoder changes nothing here: ${why}.\n`);
  return undefined;
}

/** What scores the run on the collection of --collection, where there is one. @throws UsageError, CollectionError, ModelFileError */
async function scorerOf(
  { collection, split, qrels, ...flags }: CollectionFlags & { readonly collectionEvery?: string },
  signal: AbortSignal,
): Promise<CollectionScorer | undefined> {
  if (collection === undefined) {
    const alone = { split, qrels, collectionEvery: flags.collectionEvery };
    for (const [name, value] of Object.entries(alone))
      if (value !== undefined) throw new UsageError(`--${name} goes with --collection.`);
    return undefined;
  }
  const opened = await openCollection({ collection, split, qrels }, signal);
  reportNotices(opened.notices);
  return new CollectionScorer(opened);
}

/** Settings as flags. */
function textsOf(settings: object | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(settings ?? {}).map(([key, value]) => [key, String(value)]));
}

interface Paths extends RunSources {
  readonly record?: string;
  readonly checkpoint?: string;
  readonly save?: string;
  readonly export?: string;
  readonly 'save-model'?: string;
  readonly adapters?: string;
  readonly resume?: string;
  readonly qrels?: string;
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
        '--qrels': paths.qrels,
        '--adapters': paths.adapters,
        '--model': paths.model,
        '--retriever-model': paths['retriever-model'],
      },
    },
  );
}

interface TrainOptions {
  readonly collection: CollectionScorer | undefined;
  readonly configuration: Configuration;
  readonly name: string;
  readonly steps: number;
  readonly every: number;
  readonly json: boolean;
  readonly probe: boolean;
  readonly outputs: Outputs;
  readonly checkpointEvery: number;
  readonly signal: AbortSignal;
}

/** Trains up to a step, prints metrics, and writes the run when asked to. Ends early on Ctrl-C, keeping all of it. */
async function train(run: CommandRun, options: TrainOptions, saved: SavedRun | undefined): Promise<void> {
  const { runtime, prepared } = run;
  const { corpus } = prepared;
  const { configuration, outputs, signal, steps } = options;
  const table = tableOf(configuration);
  const write = (text: string): unknown => process.stdout.write(text);
  const print = options.json ? jsonPrinter(table, write) : textPrinter(table, write);
  // Where only JSON may be printed, notices go beside it.
  if (options.json) reportNotices(corpus.summary.notices);
  else {
    for (const notice of corpus.summary.notices) write(`note: ${notice}\n`);
    write(`${corpus.summary.title} on ${gpuText(runtime)}\n`);
  }
  const pictures = new Set(snapshotSteps(steps));
  const log = new RunLog({ mostSteps: Infinity, keepsPicture: (step) => pictures.has(step) });
  if (saved?.record) log.restore(saved.record);
  const record = (): RunRecord =>
    log.record({
      name: options.name,
      configuration,
      corpus: corpus.summary,
      adapter: gpuText(runtime),
      tiles: runtime.tiles.table,
    });
  const times: number[] = [];
  const isWanted = (step: number): boolean => step < steps && !signal.aborted;
  const events = trainingLoop(run, {
    log,
    isWanted,
    evaluateEvery: configuration.evaluateEvery,
    // Nobody looks at it otherwise.
    probeEvery:
      options.probe || outputs.has('--record') || outputs.has('--checkpoint') ? configuration.probeEvery : undefined,
    collection: options.collection && {
      scorer: options.collection,
      every: configuration.collectionEvery,
      signal,
    },
    evaluatesAtEnd: true,
    isSaved: (step, isLast) => isLast || step % options.checkpointEvery === 0,
    save: async (step, isLast) => {
      const failure = await outputs.write('--checkpoint', () => saveRun(run, record()));
      if (failure !== undefined && !isLast) process.stderr.write(`${failure} The run goes on after step ${step}.\n`);
    },
  });
  for await (const event of events) {
    if (event.type === 'evaluation') {
      print.evaluation(event.evaluation);
      continue;
    }
    if (event.type === 'probe') {
      if (options.probe) print.probe(event.record.metrics, event.of);
      continue;
    }
    if (event.type === 'collection') {
      print.collection(event);
      continue;
    }
    const { metrics } = event.record;
    times.push(metrics.stepMs);
    if (metrics.step % options.every === 0 || !isWanted(metrics.step)) print.step(metrics);
  }
  print.end(log.lastEvaluation);
  if (!options.json) write(timesText(times));
  await outputs.write('--record', () => jsonPieces(record(), shortNumbers(table)));
}

/** The first step by itself, since it may have compiled kernels; evaluations are not in either. */
function timesText(times: readonly number[]): string {
  const [first, ...later] = times;
  const sorted = later.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const rest = median === undefined ? '' : `, the others ${timeText(median)} each (median)`;
  return `${times.length} steps: the first took ${timeText(first ?? 0)}, compiling included${rest}\n`;
}
