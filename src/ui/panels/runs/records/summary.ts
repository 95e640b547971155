import type { Configuration } from '../../../../settings/configuration.ts';
import { scoreOf, type CorpusSummary } from '../../../../run/record.ts';
import type { History } from '../../../state/history/history.ts';
import { tableBytes } from '../../../state/history/metricTable.ts';
import { recordBytes } from '../../../state/history/recordBytes.ts';

/** A kept run as the list shows it. */
export interface RunSummary {
  readonly id: string;
  readonly name: string;
  /** Times in ms since 1970. */
  readonly createdAt: number;
  readonly savedAt: number;
  /** Last step. */
  readonly steps: number;
  readonly bytes: number;
  readonly configuration: Configuration;
  /** How good the retriever was where that was measured last, and the headline of the last step. */
  readonly score: number | undefined;
  readonly headline: number;
}

/** A run to be written, and the steps of its pictures that are written already. */
export interface Saving {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly history: History;
  readonly configuration: Configuration;
  readonly corpus: CorpusSummary;
  readonly adapter: string;
  readonly written: Written;
}

/** Steps of the pictures of a run that are in storage: of steps' batches, and of the batch that stays the same. */
export interface Written {
  readonly steps: Set<number>;
  readonly probe: Set<number>;
}

/** What the list says of a run as it stands now. */
export function summaryOf({ id, name, createdAt, history, configuration }: Omit<Saving, 'written'>): RunSummary {
  const steps = history.lastStep;
  const pictureBytes = history.snapshots.reduce((sum, record) => sum + recordBytes(record), 0);
  const probeBytes = history.probe?.bytes ?? 0;
  return {
    id,
    name,
    createdAt,
    savedAt: Date.now(),
    steps,
    bytes: pictureBytes + probeBytes + tableBytes(history.table, history.length),
    configuration,
    score: scoreOf(history.evaluations.at(-1), history.table.score),
    headline: history.value(history.table.headline, steps),
  };
}
