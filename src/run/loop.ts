import type { CorpusBatch } from './feed.ts';
import type { StepResult } from '../training/trainer.ts';
import { Beginning } from './beginning.ts';
import type { OpenRun } from './openRun.ts';
import type { Evaluation, StepRecord } from './record.ts';
import { stepRecord } from './records.ts';
import { Prober, type Probed } from './probe.ts';
import type { RunLog } from './runLog.ts';
import type { CollectionResult, CollectionScorer } from './collectionScores.ts';
import { Evaluator } from './evaluator.ts';

/** What happens in a run, in order. */
export type RunEvent =
  | { readonly type: 'step'; readonly record: StepRecord }
  | { readonly type: 'evaluation'; readonly evaluation: Evaluation }
  | ({ readonly type: 'probe' } & Probed)
  | ({ readonly type: 'collection' } & CollectionResult);

/** A labelled collection that a run is scored on between two steps. */
export interface ScoredCollection {
  readonly scorer: CollectionScorer;
  /** Scored before the first step and after every so many; 0: before the first and at the end only. */
  readonly every: number;
  /** Ends scoring under way, which then gives no scores; the run is as it was. */
  readonly signal?: AbortSignal | undefined;
}

export interface LoopOptions {
  /** Hears of everything before it is handed on, so that a run that is saved in between lacks nothing. */
  readonly log: RunLog;
  /** Whether another step is to follow `step`; asked before each, and once after the last. */
  readonly isWanted: (step: number) => boolean;
  /** The batches for scores are looked at before the first step and after every so many. */
  readonly evaluateEvery: number;
  /**
   * The probe is looked at after every evaluation, at every pause, and after every so many steps; 0: at these two only; undefined:
   * never.
   */
  readonly probeEvery: number | undefined;
  /**
   * A run's first step comes before the scores of the untrained models, since somebody waits to see it: the same events with the same
   * numbers. Not where keeping the untrained weights until then would take much memory.
   */
  readonly showsStepFirst?: boolean;
  /** Left out: the run is scored on its own batches alone. */
  readonly collection?: ScoredCollection | undefined;
  /** The end of a run deserves scores in any case; a pause does not. */
  readonly evaluatesAtEnd: boolean;
  /** Whether the run is to be saved after `step`; asked once its scores are there. */
  readonly isSaved: (step: number, isLast: boolean) => boolean;
  readonly save: (step: number, isLast: boolean) => Promise<void>;
  /** Runs a step, with whatever is to be watched of it. */
  readonly around?: (step: () => Promise<StepResult<CorpusBatch>>) => Promise<StepResult<CorpusBatch>>;
}

/**
 * Trains an open run while steps are wanted: steps, evaluations, scores on a collection, looks at the probe, saves. Between two events nothing is in flight and all state is
 * consistent; who does not ask for the next one has paused.
 */
export async function* trainingLoop(run: OpenRun, options: LoopOptions): AsyncGenerator<RunEvent, void, void> {
  const { corpus, recipe } = run.prepared;
  const { trainer, optimiser } = run.experiment;
  const evaluator = new Evaluator(run, options.log.lastEvaluation);
  const prober = new Prober(run);
  const { log, isWanted, evaluateEvery, probeEvery, collection, around = (step) => step() } = options;
  const { configuration } = recipe;
  const evaluate = async (): Promise<RunEvent> => {
    const evaluation = await evaluator.evaluate();
    log.addEvaluation(evaluation);
    return { type: 'evaluation', evaluation };
  };
  const probe = async (): Promise<RunEvent> => {
    const probed = await prober.look();
    log.addProbe(probed);
    return { type: 'probe', ...probed };
  };
  const scoreCollection = async function* (): AsyncGenerator<RunEvent, void, void> {
    const scored = await collection?.scorer.score(run, { signal: collection.signal });
    if (!scored) return;
    log.addCollectionScores(scored);
    yield { type: 'collection', ...scored };
  };
  /** Whether nothing is planned between `step` and the next one that uses the models. */
  const isFollowed = (step: number): boolean =>
    step % evaluateEvery !== 0 &&
    (!collection || step % collection.every !== 0) &&
    (probeEvery === undefined || step % probeEvery !== 0);
  let beginning: Beginning | undefined;
  if (optimiser.step === 0 && isWanted(0)) {
    beginning = options.showsStepFirst ? Beginning.of(run) : undefined;
    if (!beginning) {
      yield await evaluate();
      yield* scoreCollection();
    }
    if (probeEvery !== undefined) yield await probe();
  }
  while (isWanted(optimiser.step)) {
    const recordsNext = !beginning && isFollowed(optimiser.step + 1);
    const record = stepRecord(await around(() => trainer.step({}, { recordsNext })), corpus, configuration);
    const { step } = record.metrics;
    log.add(record);
    yield { type: 'step', record };
    if (beginning) {
      yield await beginning.again(evaluate);
      if (collection) yield* await beginning.again(() => collected(scoreCollection()));
      beginning = undefined;
    }
    const isLast = !isWanted(step);
    const isEvaluated = step % evaluateEvery === 0 || (isLast && options.evaluatesAtEnd);
    if (isEvaluated) yield await evaluate();
    if (collection && (step % collection.every === 0 || (isLast && options.evaluatesAtEnd))) yield* scoreCollection();
    // By 0 nothing is divisible: its remainder is no number. Whoever pauses, or makes a single step, sees what came of it.
    if (probeEvery !== undefined && (isEvaluated || isLast || step % probeEvery === 0)) yield await probe();
    // After the scores, so that a run that goes on from here has them.
    if (options.isSaved(step, isLast)) await options.save(step, isLast);
  }
}

async function collected<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}
