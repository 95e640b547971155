import { TRAINER_METRICS, type MetricDefinition, type ObjectiveTable } from '../../objectives/tables.ts';
import {
  scoreOf,
  type CollectionMeans,
  type Evaluation,
  type ProbeMetrics,
  type ScoredText,
  type StepMetrics,
} from '../../run/record.ts';
import type { CollectionScored } from '../../run/runLog.ts';
import { comparisons, comparisonWords, RIVALS } from '../../run/significance.ts';

/** Numbers as the command line prints them: as the objective's table names them. */
export interface MetricPrinter {
  step(metrics: StepMetrics): void;
  evaluation(evaluation: Evaluation): void;
  probe(metrics: ProbeMetrics, of: ScoredText): void;
  collection(scored: CollectionScored): void;
  /** What came of the run, by its last evaluation. */
  end(evaluation: Evaluation | undefined): void;
}

/** What an evaluation was over; saved runs of earlier versions do not say so. */
const SCORED: Readonly<Record<ScoredText | 'unknown', string>> = {
  heldOut: 'held out',
  training: 'on the training text',
  unknown: 'scored',
};

/** One JSON object a line. */
export function jsonPrinter(table: ObjectiveTable, write: (text: string) => void): MetricPrinter {
  return {
    step: (metrics) => write(`${JSON.stringify(metrics)}\n`),
    evaluation: (evaluation) => {
      const { step, of } = evaluation;
      const heldOut = Object.fromEntries(table.evaluationMetrics.map(({ key }) => [key, evaluation[key]]));
      const losses = Object.fromEntries(table.losses.map((key) => [key, evaluation[key]]));
      const than = Object.fromEntries(comparisons(evaluation));
      // The lines are about training: models that have not made a step yet are left out. `heldOut` is what the scores were always
      // called; `of` says whether they are.
      if (step > 0) write(`${JSON.stringify({ step, ...losses, heldOut, of, than })}\n`);
    },
    probe: ({ step, ...probe }, of) => write(`${JSON.stringify({ step, probe, of })}\n`),
    collection: ({ of: { title, beside }, scores: { step, means } }) =>
      write(`${JSON.stringify({ step, collection: { title, ...means, beside } })}\n`),
    end: () => undefined,
  };
}

/** A line for people. */
export function textPrinter(table: ObjectiveTable, write: (text: string) => void): MetricPrinter {
  const shown = [...table.stepMetrics, ...TRAINER_METRICS.filter(({ key }) => key === 'gradientNorm')];
  return {
    step: (metrics) =>
      write(`step ${String(metrics.step).padStart(5)}  ${inWords(shown, metrics)}  ${metrics.stepMs.toFixed(0)} ms\n`),
    evaluation: (evaluation) => {
      const { gain } = table;
      const saved = gain && (scoreOf(evaluation, gain.alone) ?? NaN) - (scoreOf(evaluation, gain.withContext) ?? NaN);
      const words = inWords(table.evaluationMetrics, evaluation);
      write(
        `  ${SCORED[evaluation.of ?? 'unknown']} at ${evaluation.step}: ${words}${saved === undefined ? '' : `  gain ${saved.toFixed(4)}`}\n`,
      );
    },
    probe: (metrics, of) =>
      write(`  same batch, ${SCORED[of]}, at ${metrics.step}: ${inWords(table.probeMetrics, metrics)}\n`),
    collection: ({ of: { title, beside }, scores: { step, means } }) => {
      const others = Object.entries(beside).map(([name, theirs]) => `; ${name}: ${meansInWords(theirs)}`);
      write(`  ${title} at ${step}: ${meansInWords(means)}${others.join('')}\n`);
    },
    end: (evaluation) => write(outcome(table, evaluation)),
  };
}

/** Whether the retriever has become better than it was, and than counting words: said of the last evaluation. */
function outcome({ score }: ObjectiveTable, evaluation: Evaluation | undefined): string {
  const [value, chance] = [scoreOf(evaluation, score), scoreOf(evaluation, 'chance')];
  if (!evaluation || evaluation.step === 0 || value === undefined) return '';
  const found = comparisons(evaluation);
  const beside = chance === undefined ? '' : `, by chance ${chance.toFixed(2)}`;
  const lines = RIVALS.flatMap(({ of, name }) => {
    const one = found.get(of);
    return one ? [`  ${comparisonWords(one, name)}\n`] : [];
  });
  const over = SCORED[evaluation.of ?? 'unknown'];
  return `recall@1 ${value.toFixed(2)} ${over} at step ${evaluation.step}${beside}\n${lines.join('')}`;
}

/** "ndcg@10 0.610  mrr@10 0.571". */
function meansInWords(means: CollectionMeans): string {
  return Object.entries(means)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join('  ');
}

/** "loss 5.3344  alone 5.5435". */
export function inWords(definitions: readonly MetricDefinition[], values: Readonly<Record<string, unknown>>): string {
  return definitions
    .map(({ key, short, digits }) => {
      const value = values[key];
      return `${short} ${typeof value === 'number' ? value.toFixed(digits) : '–'}`;
    })
    .join('  ');
}
