import type { Observation } from '../../objectives/objective.ts';
import type { OpenRun } from '../openRun.ts';
import { groupOf, type Group } from './groups.ts';

/** first-step.json: the batch that the page would take next, and what it comes to before any weight moves. */
export interface FirstStep {
  readonly group: Group;
  readonly loss: number;
  /** By the names that the objective's table has for them. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Row-major [B, B]: S as `similarity`, A (or the objective's shares) as `attention`. */
  readonly matrices: Readonly<Record<string, readonly number[]>>;
}

const DRAWN = ['similarity', 'attention'] as const;

/** Computes the run's next batch without a step. Changes nothing; asks for the run between two steps. */
export async function firstStep({ experiment, prepared }: OpenRun): Promise<FirstStep> {
  const { trainer, feed, optimiser } = experiment;
  const { accumulation } = prepared.recipe.configuration;
  await feed.prepare?.(optimiser.step);
  const batch = feed.batchAt(optimiser.step * accumulation);
  const seen: Observation = await trainer.look(batch);
  return {
    group: groupOf(batch),
    loss: seen.loss,
    metrics: Object.fromEntries(
      Object.entries(seen.metrics).filter((entry): entry is [string, number] => entry[1] !== undefined),
    ),
    matrices: Object.fromEntries(DRAWN.map((key) => [key, Array.from(seen.matrices[key] ?? [])])),
  };
}
