import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { CorpusSummary, Evaluation, RunRecord, StepRecord } from '../../../../run/record.ts';
import { columnKeys } from '../../../state/history/metricTable.ts';
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
}

interface StoredPicture {
  readonly run: string;
  readonly step: number;
  readonly record: StepRecord;
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
  const listed = new Set(await transaction.objectStore('summaries').getAllKeys());
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
  const snapshots = [...history.snapshots];
  const columns = Object.fromEntries(columnKeys(history.table).map((key) => [key, history.column(key).slice()]));
  const evaluations = [...history.evaluations];
  const summary = summaryOf(saving);
  const db = await database();
  const transaction = db.transaction(STORES, 'readwrite');
  const pictures = transaction.objectStore('pictures');
  const isNew = (await transaction.objectStore('summaries').getKey(id)) === undefined;
  // Deleted meanwhile, in another tab say: nothing of it is there.
  if (isNew) written.clear();
  const kept = new Set(snapshots.map(({ metrics }) => metrics.step));
  const stale = [...written].filter((step) => !kept.has(step));
  const fresh = snapshots.filter(({ metrics }) => !written.has(metrics.step));
  const numbers = { id, corpus, adapter, columns, evaluations };
  const first = fresh.slice(0, PORTION);
  try {
    await commit(transaction, [
      () => transaction.objectStore('summaries').put(summary),
      () => transaction.objectStore('numbers').put(numbers),
      ...first.map((record) => () => pictures.put(pictureOf(id, record))),
      ...stale.map((step) => () => pictures.delete([id, step])),
    ]);
    for (const step of stale) written.delete(step);
    for (const { metrics } of first) written.add(metrics.step);
    for (let start = PORTION; start < fresh.length; start += PORTION) {
      await new Promise((next) => setTimeout(next));
      const portion = fresh.slice(start, start + PORTION);
      const more = db.transaction('pictures', 'readwrite');
      await commit(
        more,
        portion.map((record) => () => more.store.put(pictureOf(id, record))),
      );
      for (const { metrics } of portion) written.add(metrics.step);
    }
  } catch (error) {
    if (isNew) {
      await deleteRun(id).catch(() => undefined);
      written.clear();
    }
    throw error;
  }
  return summary;
}

function pictureOf(run: string, record: StepRecord): StoredPicture {
  return { run, step: record.metrics.step, record };
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
  const [summary, numbers, pictures] = await Promise.all([
    db.get('summaries', id),
    db.get('numbers', id),
    db.getAll('pictures', picturesOf(id)),
  ]);
  if (!summary) return undefined;
  try {
    return restoreRun(summary, numbers, pictures);
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
  ]);
}

/** All keys [id, step]. */
function picturesOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, -Infinity], [id, Infinity]);
}
