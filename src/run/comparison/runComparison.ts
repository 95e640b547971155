import type { GivenText } from '../../corpus/given.ts';
import type { LabelledCollection } from '../../evaluation/collections/collection.ts';
import { memorySource } from '../../files/formats/byteSource.ts';
import { textChecksum } from '../../files/formats/checksum.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Embedder } from '../../retrieval/embedder.ts';
import { configure, type Configuration } from '../../settings/configuration.ts';
import { TrainingDivergedError } from '../../training/trainer.ts';
import { CollectionScorer, CURVE_MEASURES, type CollectionResult } from '../collectionScores.ts';
import { Evaluator } from '../evaluator.ts';
import { flopsOf } from '../flops.ts';
import { trainingLoop } from '../loop.ts';
import { openRun, prepareRun, type OpenRun, type PreparingOptions } from '../openRun.ts';
import type { Evaluation } from '../record.ts';
import { RunLog } from '../runLog.ts';
import { readRun, restoreRun, saveRun, type SavedRun } from '../saving.ts';
import { budgetOf, ComparisonError, contendersOf, type ComparisonDefinition, type Contender } from './definition.ts';
import { rememberingTeacher, requireTeacher, taughtByEncoder, type NamedTeacher } from './teacher.ts';
import {
  NOTHING_SPENT,
  type ComparisonState,
  type ComparisonStore,
  type CurvePoint,
  type RunningTrial,
  type Spent,
  type Trial,
  type TrialResult,
} from './state.ts';
import { amountFor, isSameTrial, nextTrial, trialCount } from './trials.ts';

/** What a comparison is made with. */
export interface ComparisonHost {
  readonly runtime: Runtime;
  /** Settings that those of the definition are laid over. */
  readonly base: Configuration;
  readonly text?: GivenText | undefined;
  readonly title?: string | undefined;
  readonly openBases: PreparingOptions['openBases'];
  /** The one that the definition names. */
  readonly collection?: LabelledCollection | undefined;
  /** The encoder that is at hand, for those that one teaches. */
  readonly teacher?: NamedTeacher | undefined;
  readonly store: ComparisonStore;
  /** The GPU, in words. */
  readonly device: string;
  /** Ends it after the step under way, with everything kept to go on from. */
  readonly signal: AbortSignal;
}

export type ComparisonEvent =
  /** A run begins, or goes on after so many steps. */
  | {
      readonly type: 'trial';
      readonly trial: Trial;
      readonly number: number;
      readonly of: number;
      readonly goesOnAfter: number;
    }
  /** It was looked at; `share` of its budget is spent. */
  | { readonly type: 'point'; readonly trial: Trial; readonly point: CurvePoint; readonly share: number }
  | { readonly type: 'result'; readonly result: TrialResult };

export const STATE_FILE = 'state.json';
const STATE_VERSION = 1;

/** The state of a comparison that a store holds; undefined where there is none. @throws ComparisonError for one that is none */
export async function storedComparison(store: ComparisonStore): Promise<ComparisonState | undefined> {
  const bytes = await store.read(STATE_FILE);
  if (!bytes) return undefined;
  try {
    const state = JSON.parse(new TextDecoder().decode(bytes)) as ComparisonState;
    if (state.version === STATE_VERSION && Array.isArray(state.results)) return state;
  } catch {
    // Said below.
  }
  throw new ComparisonError(`${STATE_FILE} is no state of a comparison, or damaged: begin anew in another folder.`);
}

/**
 * Makes a comparison, one run after the other, from where its store has it. Every run is saved at each look: what is stopped, even by a
 * crash, goes on bit for bit as it would have (times aside). Returns how far it has come: all of it, unless `signal` ended it.
 * @throws ComparisonError where the store holds another comparison; what opening and training runs throw, but for a loss that became no
 * number: such a run is kept as one that diverged
 */
export async function* runComparison(
  definition: ComparisonDefinition,
  host: ComparisonHost,
): AsyncGenerator<ComparisonEvent, ComparisonState, void> {
  const { store, signal, collection } = host;
  const contenders = contendersOf(definition, host.base);
  if (definition.collection !== undefined && !collection)
    throw new ComparisonError(`collection: ${definition.collection} was not opened.`);
  requireTeacher(contenders, host.teacher);
  const teacher = host.teacher && rememberingTeacher(host.teacher);
  const scorer =
    collection && new CollectionScorer(collection, { measures: [...new Set([...CURVE_MEASURES, definition.score])] });
  let state = await beginning(definition, contenders, host);
  const keep = async (changes: Partial<ComparisonState>): Promise<void> => {
    state = { ...state, ...changes };
    await store.write(STATE_FILE, [new TextEncoder().encode(JSON.stringify(state))]);
  };
  await keep({});
  for (;;) {
    if (signal.aborted) return state;
    const trial = nextTrial(definition, contenders, state.results);
    if (!trial) return state;
    const contender = contenders.find(({ name }) => name === trial.contender);
    if (!contender) throw new Error('A trial of nobody: this is a bug.');
    const { current } = state;
    const saved = current && isSameTrial(current, trial) ? await savedTrial(store, current) : undefined;
    const running = new TrialRun({ definition, contender, trial, host, scorer, teacher, saved });
    yield {
      type: 'trial',
      trial,
      number: state.results.length + 1,
      of: trialCount(definition, contenders),
      goesOnAfter: saved?.trial.spent.steps ?? 0,
    };
    const events = running.events(async (file, pieces) => {
      const before = state.current?.file;
      await store.write(file, pieces);
      await keep({ current: { ...running.result, spent: running.spent, file } });
      if (before !== undefined && before !== file) await store.remove(before);
    });
    for await (const point of events) yield { type: 'point', trial, point, share: Math.min(1, running.spentShare) };
    if (!running.isDone) return state;
    const last = state.current?.file;
    const { beside } = running;
    await keep({ results: [...state.results, running.result], current: undefined, ...(beside && { beside }) });
    if (last !== undefined) await store.remove(last);
    yield { type: 'result', result: running.result };
  }
}

/** The state that a store has, or that of a comparison that begins. */
async function beginning(
  definition: ComparisonDefinition,
  contenders: readonly Contender[],
  host: ComparisonHost,
): Promise<ComparisonState> {
  const { base, text, collection, device, teacher } = host;
  const judged = collection && [collection.title, collection.documents.length, collection.queries.length];
  const taught = teacher && taughtByEncoder(contenders).length > 0 ? [teacher.name, teacher.dimensions] : [];
  const fingerprint = await textChecksum(JSON.stringify([base, text ?? null, judged ?? null, ...taught]));
  const stored = await storedComparison(host.store);
  if (!stored) return { version: STATE_VERSION, definition, fingerprint, device, beside: {}, results: [] };
  for (const [key, value] of Object.entries(definition))
    if (JSON.stringify(stored.definition[key as keyof ComparisonDefinition]) !== JSON.stringify(value))
      throw new ComparisonError(
        `${key} is not what it was when this comparison began: put it back, or begin anew in another folder.`,
      );
  if (stored.fingerprint !== fingerprint)
    throw new ComparisonError(
      'The text, the collection, the encoder that teaches or the settings beneath are not those that this comparison began with: put them back, or begin anew.',
    );
  return stored;
}

interface SavedTrial {
  readonly trial: RunningTrial;
  readonly run: SavedRun;
}

/** The run under way; undefined where its file is not there any more: then it begins again. */
async function savedTrial(store: ComparisonStore, trial: RunningTrial): Promise<SavedTrial | undefined> {
  const bytes = await store.read(trial.file);
  return bytes && { trial, run: await readRun(memorySource(trial.file, bytes)) };
}

interface TrialParts {
  readonly definition: ComparisonDefinition;
  readonly contender: Contender;
  readonly trial: Trial;
  readonly host: ComparisonHost;
  readonly scorer: CollectionScorer | undefined;
  readonly teacher: Embedder | undefined;
  readonly saved: SavedTrial | undefined;
}

/** One run of a comparison, from its beginning or from where it was saved. */
class TrialRun {
  spent: Spent;
  isDone = false;
  beside: ComparisonState['beside'] | undefined;
  readonly #points: CurvePoint[];
  #divergedAt: number | undefined;

  constructor(private readonly parts: TrialParts) {
    this.spent = parts.saved?.trial.spent ?? NOTHING_SPENT;
    this.#points = [...(parts.saved?.trial.points ?? [])];
  }

  get result(): TrialResult {
    const { purpose, contender, seed, learningRate } = this.parts.trial;
    const divergedAt = this.#divergedAt;
    return {
      purpose,
      contender,
      seed,
      learningRate,
      points: [...this.#points],
      ...(divergedAt !== undefined && { divergedAt }),
    };
  }

  /** Of what the run may spend. */
  get spentShare(): number {
    const { definition, trial } = this.parts;
    return this.spent[budgetOf(definition).kind] / amountFor(definition, trial);
  }

  /** Trains; yields each look. */
  async *events(save: (file: string, pieces: readonly Uint8Array[]) => Promise<void>): AsyncGenerator<CurvePoint> {
    const { contender, trial, host, teacher, saved } = this.parts;
    const { runtime, text, title, openBases, signal } = host;
    const { seed, learningRate } = trial;
    const configuration = configure({ seed, learningRate }, contender.configuration);
    const prepared = await prepareRun({ configuration, text, title }, { openBases, signal });
    const every = await this.#lookEvery(prepared);
    const run = await openRun(runtime, prepared, {
      signal,
      centre: saved?.run.centre,
      teacher,
      teacherVectors: saved?.run.teacherVectors,
    });
    try {
      const log = new RunLog({ mostSteps: 1, keepsPicture: () => false });
      if (saved) {
        await restoreRun(saved.run, run);
        if (saved.run.record) log.restore(saved.run.record);
      }
      yield* this.#train(run, log, every, save);
    } finally {
      run.experiment.destroy();
    }
  }

  async *#train(
    run: OpenRun,
    log: RunLog,
    every: number,
    save: (file: string, pieces: readonly Uint8Array[]) => Promise<void>,
  ): AsyncGenerator<CurvePoint> {
    const { host, scorer } = this.parts;
    const { signal } = host;
    const { prepared, experiment } = run;
    const { configuration } = prepared.recipe;
    const chunks = configuration.chunks * configuration.accumulation;
    try {
      const events = trainingLoop(run, {
        log,
        isWanted: () => !signal.aborted && this.spentShare < 1,
        evaluateEvery: every,
        probeEvery: undefined,
        collection: scorer && { scorer, every },
        // A stop is no end, and the end is looked at below: it may be known only after a stop.
        evaluatesAtEnd: false,
        isSaved: (step, isLast) => step % every === 0 || (isLast && signal.aborted),
        save: async (step) => {
          const record = log.record({
            name: this.parts.trial.contender,
            configuration,
            corpus: prepared.corpus.summary,
            adapter: host.device,
          });
          await save(`running-${step}.safetensors`, await saveRun(run, record));
        },
      });
      for await (const event of events) {
        if (event.type === 'step') {
          const { flops = 0, stepMs } = event.record.metrics;
          this.spent = {
            steps: this.spent.steps + 1,
            flops: this.spent.flops + flops,
            chunks: this.spent.chunks + chunks,
            seconds: this.spent.seconds + stepMs / 1000,
          };
        } else if (event.type === 'evaluation') {
          this.#evaluated(event.evaluation);
          if (!scorer) yield this.#last();
        } else if (event.type === 'collection') {
          this.#scored(event);
          yield this.#last();
        }
      }
      if (signal.aborted) return;
      if (this.#points.at(-1)?.steps !== experiment.optimiser.step) {
        this.#evaluated(await new Evaluator(run, log.lastEvaluation).evaluate());
        const scored = await scorer?.score(run);
        if (scored) this.#scored(scored);
        yield this.#last();
      }
    } catch (cause) {
      if (!(cause instanceof TrainingDivergedError)) throw cause;
      this.#divergedAt = cause.step;
    }
    this.isDone = true;
  }

  /** Steps between two looks, so that there are about as many as the definition says. */
  async #lookEvery(prepared: OpenRun['prepared']): Promise<number> {
    const { definition, trial, host } = this.parts;
    const { chunks, accumulation, evaluateEvery } = prepared.recipe.configuration;
    const amount = amountFor(definition, trial);
    const steps = async (): Promise<number> => {
      switch (budgetOf(definition).kind) {
        case 'steps':
          return amount;
        case 'chunks':
          return amount / (chunks * accumulation);
        case 'flops':
          return amount / (await flopsOf(prepared, { gpu: host.runtime.gpu }));
        case 'seconds':
          return evaluateEvery * definition.looks;
      }
    };
    return Math.max(1, Math.round((await steps()) / definition.looks));
  }

  #last(): CurvePoint {
    const last = this.#points.at(-1);
    if (!last) throw new Error('Nothing was looked at yet: this is a bug.');
    return last;
  }

  #evaluated(evaluation: Evaluation): void {
    if (this.parts.trial.purpose === 'choosing' && evaluation.of === 'training')
      throw new ComparisonError(
        'learningRates: the text is too short for anything to be held out that could choose a rate. Set learningRate in settings instead.',
      );
    const { step: _, ...scores } = Object.fromEntries(
      Object.entries(evaluation).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    );
    const items = this.parts.scorer ? [] : Array.from(evaluation.findings?.retriever ?? '', twelfths);
    this.#points.push({ ...this.spent, scores, items });
  }

  #scored({ of, scores, perQuery }: CollectionResult): void {
    const last = this.#points.pop();
    if (!last) throw new Error('A collection is scored after held-out batches: this is a bug.');
    this.beside = of.beside;
    this.#points.push({
      ...last,
      scores: { ...last.scores, ...scores.means },
      items: [...(perQuery.perQuery.get(this.parts.definition.score) ?? [])],
    });
  }
}

/** A letter of `Findings` as a share. */
function twelfths(letter: string): number {
  return parseInt(letter, 13) / 12;
}
