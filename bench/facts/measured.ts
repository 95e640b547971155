import type { Evaluation, ProbeMetrics, RunRecord } from '../../src/run/record.ts';
import {
  meansOf,
  stagesOf,
  stretchesOf,
  STRETCHES,
  type MeanStretch,
  type Stages,
  type Stretch,
  type ToldRun,
} from './stages.ts';

/** What a run on facts goes through, as docs/METHOD.md has it. */
export interface Measured {
  /** The run that the page shows (seed 0). */
  readonly recorded: { readonly stages: Stages; readonly stretches: readonly Stretch[] };
  /** Other seeds, and runs without V-normalisation, by the names of their logs. */
  readonly others: Readonly<Record<string, { readonly stages: Stages; readonly stretches: readonly MeanStretch[] }>>;
}

export function measuredOf(recorded: RunRecord, others: Readonly<Record<string, ToldRun>>): Measured {
  const { probe, evaluations } = recorded;
  if (!probe) throw new Error('The recorded run has no probe.');
  const stages = stagesOf({ probe: probe.records.map(({ metrics }) => metrics), evaluations });
  return {
    recorded: { stages, stretches: stretchesOf(probe, STRETCHES) },
    others: Object.fromEntries(
      Object.entries(others).map(([name, told]) => [
        name,
        { stages: stagesOf(told), stretches: meansOf(told.probe, stretchesUpTo(told)) },
      ]),
    ),
  };
}

function stretchesUpTo({ probe }: ToldRun) {
  const end = probe.at(-1)?.step ?? 0;
  return STRETCHES.filter(([, to]) => to <= end);
}

/** What `train --json --probe` prints. */
export function toldOf(lines: string): ToldRun {
  const probe: ProbeMetrics[] = [];
  const evaluations: Evaluation[] = [];
  for (const text of lines.split('\n').filter((line) => line !== '')) {
    const line = JSON.parse(text) as { readonly step: number; readonly probe?: object; readonly heldOut?: object };
    if (line.probe) probe.push({ ...line.probe, step: line.step });
    if (line.heldOut) evaluations.push({ ...line.heldOut, step: line.step });
  }
  return { probe, evaluations };
}
