import { TRAINER_METRICS, type MetricDefinition, type ObjectiveTable } from '../../objectives/tables.ts';
import type { Evaluation, StepMetrics } from '../../run/record.ts';

/** Numbers as the command line prints them: as the objective's table names them. */
export interface MetricPrinter {
  step(metrics: StepMetrics): void;
  evaluation(evaluation: Evaluation): void;
}

/** One JSON object a line. */
export function jsonPrinter(table: ObjectiveTable, write: (text: string) => void): MetricPrinter {
  return {
    step: (metrics) => write(`${JSON.stringify(metrics)}\n`),
    evaluation: (evaluation) => {
      const { step } = evaluation;
      const heldOut = Object.fromEntries(table.heldOutMetrics.map(({ key }) => [key, evaluation[key]]));
      const losses = Object.fromEntries(table.losses.map((key) => [key, evaluation[key]]));
      // The lines are about training: models that have not made a step yet are left out.
      if (step > 0) write(`${JSON.stringify({ step, ...losses, heldOut })}\n`);
    },
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
      const saved = gain && (evaluation[gain.alone] ?? NaN) - (evaluation[gain.withContext] ?? NaN);
      const words = inWords(table.heldOutMetrics, evaluation);
      write(`  held out at ${evaluation.step}: ${words}${saved === undefined ? '' : `  gain ${saved.toFixed(4)}`}\n`);
    },
  };
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
