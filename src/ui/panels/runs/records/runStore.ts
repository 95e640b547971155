import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type {
  CollectionCurve,
  CorpusSummary,
  Evaluation,
  Probe,
  ProbeMetrics,
  ProbePicture,
  ProbeRecord,
  RunRecord,
  StepRecord,
} from '../../../../run/record.ts';
import { columnKeys } from '../../../state/history/metricTable.ts';
import { forget } from '../fresh.ts';
import { UnreadableRunError } from './problems.ts';
import { restoreRun, restoreSummary } from './storedRun.ts';
import { summaryOf, type RunSummary, type Saving } from './summary.ts';

/** The numbers of a run. Its pictures are rows of their own, so that only new ones have to be written. */
interface StoredNumbers {
  readonly id: string;
  readonly corpus: CorpusSummary;
  readonly adapter: string;
  readonly columns: Readonly<Record<string, Float64Array<ArrayBuffer>>>;
  readonly evaluations: readonly Evaluation[];
  /** Only where the run was scored on a labelled collection. */
  readonly collection?: CollectionCurve;
  /** Rows of earlier versions have none. */
  readonly probe?: Omit<Probe, 'records'> & { readonly looks: readonly ProbeMetrics[] };
}

interface StoredPicture {
  /** Id of the run; of pictures of the batch that stays the same, that of `probeOf`. */
  readonly run: string;
  readonly step: number;
  readonly record: StepRecord | ProbeRecord;
}

interface Schema extends DBSchema {
  summaries: { key: string; value: RunSummary };
  numbers: { key: string; value: StoredNumbers };
  pictures: { key: [string, number]; value: StoredPicture };
}

/** Several pages may share an origin. */
const DATABASE = 'revela-runs';
const VERSION = 1;
const STORES = ['summaries', 'numbers', 'pictures'] as const;
/** Pictures written at once: copying more of them would hold up the page. */
const PORTION = 8;

/**
 * Under what the pictures of a run's probe stand. A store of their own would need a database of a later version, which pages of the
 * version before, still open in other tabs, would keep from opening.
 */
function probeOf(id: string): string {
  return `${id} probe`;
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;

function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>(DATABASE, VERSION, {
    upgrade(db) {
      db.createObjectStore('summaries', { keyPath: 'id' });
      db.createObjectStore('numbers', { keyPath: 'id' });
      db.createObjectStore('pictures', { keyPath: ['run', 'step'] });
    },
    terminated() {
      opened = undefined;
    },
  }).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

/** All kept runs, newest first. */
export async function listRuns(): Promise<RunSummary[]> {
  const db = await database();
  // Room that cannot be had back is no reason not to show what there is.
  await sweep(db).catch(() => undefined);
  const summaries = await db.getAll('summaries');
  return summaries.map(restoreSummary).sort((a, b) => b.createdAt - a.createdAt);
}

/** Deletes rows of runs that no list shows: pages that were closed, or ran out of room, while they wrote have left some. */
async function sweep(db: IDBPDatabase<Schema>): Promise<void> {
  const transaction = db.transaction(STORES, 'readwrite');
  const pictures = transaction.objectStore('pictures');
  const numbers = transaction.objectStore('numbers');
  const ids = await transaction.objectStore('summaries').getAllKeys();
  const listed = new Set([...ids, ...ids.map(probeOf)]);
  for (const id of await numbers.getAllKeys()) if (!listed.has(id)) await numbers.delete(id);
  for (let at = await pictures.openKeyCursor(); at;) {
    const [id] = at.key;
    if (!listed.has(id)) await pictures.delete(picturesOf(id));
    // On to the next run.
    at = await at.continue([id, Infinity]);
  }
  await transaction.done;
}

/**
 * Writes what is new in a run; `written` is brought up to date. The run is listed with its first pictures, so that whatever
 * stands in storage can be found and deleted.
 * @throws DOMException QuotaExceededError when there is no room; what was kept before stays, and a new run leaves nothing.
 */
export async function saveRun(saving: Saving): Promise<RunSummary> {
  const { id, history, corpus, adapter, written } = saving;
  // Taken at once: the run goes on while this is written.
  const pictures = storedPictures(saving);
  const columns = Object.fromEntries(columnKeys(history.table).map((key) => [key, history.column(key).slice()]));
  const evaluations = [...history.evaluations];
  const probe = history.probe?.toProbe();
  const looks = probe && { of: probe.of, batch: probe.batch, looks: probe.records.map(({ metrics }) => metrics) };
  const summary = summaryOf(saving);
  const db = await database();
  const transaction = db.transaction(STORES, 'readwrite');
  const rows = transaction.objectStore('pictures');
  const isNew = (await transaction.objectStore('summaries').getKey(id)) === undefined;
  // Deleted meanwhile, in another tab say: nothing of it is there.
  if (isNew) forget(written);
  const stale = pictures.flatMap(({ run, kept, steps }) =>
    [...steps].filter((step) => !kept.has(step)).map((step) => ({ run, step, steps })),
  );
  const fresh = pictures.flatMap(({ run, kept, steps }) =>
    [...kept].filter(([step]) => !steps.has(step)).map(([step, record]) => ({ row: { run, step, record }, steps })),
  );
  const { collection } = history;
  const numbers = {
    id,
    corpus,
    adapter,
    columns,
    evaluations,
    ...(collection && { collection }),
    ...(looks && { probe: looks }),
  };
  const first = fresh.slice(0, PORTION);
  try {
    await commit(transaction, [
      () => transaction.objectStore('summaries').put(summary),
      () => transaction.objectStore('numbers').put(numbers),
      ...first.map(
        ({ row }) =>
          () =>
            rows.put(row),
      ),
      ...stale.map(
        ({ run, step }) =>
          () =>
            rows.delete([run, step]),
      ),
    ]);
    for (const { step, steps } of stale) steps.delete(step);
    for (const { row, steps } of first) steps.add(row.step);
    for (let start = PORTION; start < fresh.length; start += PORTION) {
      await new Promise((next) => setTimeout(next));
      const portion = fresh.slice(start, start + PORTION);
      const more = db.transaction('pictures', 'readwrite');
      await commit(
        more,
        portion.map(
          ({ row }) =>
            () =>
              more.store.put(row),
        ),
      );
      for (const { row, steps } of portion) steps.add(row.step);
    }
  } catch (error) {
    if (isNew) {
      await deleteRun(id).catch(() => undefined);
      forget(written);
    }
    throw error;
  }
  return summary;
}

/** The pictures of a run by their steps, those of its probe apart, each with the steps that are written already. */
function storedPictures({ id, history, written }: Saving) {
  const bySteps = <P extends StepRecord | ProbePicture, R>(all: readonly P[], of: (picture: P) => R): Map<number, R> =>
    new Map(all.map((picture) => [picture.metrics.step, of(picture)]));
  return [
    { run: id, kept: bySteps(history.snapshots, (record): StepRecord | ProbeRecord => record), steps: written.steps },
    { run: probeOf(id), kept: bySteps(history.probe?.snapshots ?? [], withoutBatch), steps: written.probe },
  ];
}

function withoutBatch({ batch: _batch, ...record }: ProbePicture): StepRecord | ProbeRecord {
  return record as ProbeRecord;
}

/** Writes all or nothing. */
async function commit(
  transaction: { readonly done: Promise<void>; abort(): void },
  writes: readonly (() => Promise<unknown>)[],
): Promise<void> {
  try {
    // Called inside an async function, so that one that throws does not leave the promises of the others to themselves.
    await Promise.all([...writes.map(async (write) => write()), transaction.done]);
  } catch (error) {
    try {
      transaction.abort();
    } catch {
      // It is over already.
    }
    throw error;
  }
}

/**
 * A kept run whole; undefined when it is not there any more.
 * @throws UnreadableRunError when storage holds something else under its name.
 */
export async function loadRun(id: string): Promise<RunRecord | undefined> {
  const db = await database();
  const [summary, numbers, pictures, looks] = await Promise.all([
    db.get('summaries', id),
    db.get('numbers', id),
    db.getAll('pictures', picturesOf(id)),
    db.getAll('pictures', picturesOf(probeOf(id))),
  ]);
  if (!summary) return undefined;
  try {
    return restoreRun(summary, numbers, pictures, looks);
  } catch (error) {
    throw new UnreadableRunError(restoreSummary(summary).name, error instanceof Error ? error.message : String(error));
  }
}

export async function renameRun(id: string, name: string): Promise<void> {
  const { store, done } = (await database()).transaction('summaries', 'readwrite');
  const summary = await store.get(id);
  await Promise.all([summary && store.put({ ...summary, name }), done]);
}

export async function deleteRun(id: string): Promise<void> {
  const transaction = (await database()).transaction(STORES, 'readwrite');
  await commit(transaction, [
    () => transaction.objectStore('summaries').delete(id),
    () => transaction.objectStore('numbers').delete(id),
    () => transaction.objectStore('pictures').delete(picturesOf(id)),
    () => transaction.objectStore('pictures').delete(picturesOf(probeOf(id))),
  ]);
}

/** All keys [id, step]. */
function picturesOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, -Infinity], [id, Infinity]);
}
