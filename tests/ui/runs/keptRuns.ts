import { configure } from '../../../src/settings/configuration.ts';
import type { RunRecord } from '../../../src/run/record.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import type { Session } from '../../../src/ui/state/session.svelte.ts';
import type { Store } from '../../../src/ui/panels/runs/keeper.svelte.ts';
import { UnreadableRunError } from '../../../src/ui/panels/runs/records/problems.ts';
import { Runs } from '../../../src/ui/panels/runs/runs.svelte.ts';
import { summaryOf, type Saving } from '../../../src/ui/panels/runs/records/summary.ts';
import { record, REVELA, runOf } from '../records.ts';

const { corpus } = runOf([record(1)]);

/** The session as far as the runs look at it: a run is trained by adding to its history. */
export class TrainingSession {
  kind = 'live';
  state = 'paused';
  corpus = corpus;
  adapter = { description: 'none', software: true };
  history = new History(REVELA);
  configuration = configure({});
  shown: string | undefined;
  readonly stage = { hasAside: false, comeBack: () => undefined };

  show({ name }: { readonly name: string }): void {
    this.shown = name;
  }

  /** Begins a run of these settings and trains it for some steps. */
  train(changes: Record<string, unknown>, steps: number): void {
    this.history = new History(REVELA);
    this.configuration = configure(changes);
    this.goOn(steps);
  }

  goOn(steps: number): void {
    const { lastStep } = this.history;
    for (let step = lastStep + 1; step <= lastStep + steps; step++) this.history.add(record(step));
  }
}

/** Storage in memory that has room for so many runs, or refuses everything. */
export class MemoryStore implements Store {
  readonly kept = new Map<string, Saving & { readonly run: RunRecord }>();
  room = Infinity;
  isMissing = false;
  /** Ids of runs that cannot be read. */
  readonly damaged = new Set<string>();

  listRuns: Store['listRuns'] = async () => {
    await this.answer();
    return [...this.kept.values()].map(summaryOf).sort((a, b) => b.createdAt - a.createdAt);
  };

  loadRun: Store['loadRun'] = async (id) => {
    await this.answer();
    if (this.damaged.has(id)) throw new UnreadableRunError(id, 'columns.step is missing or empty.');
    return this.kept.get(id)?.run;
  };

  saveRun: Store['saveRun'] = async (saving) => {
    await this.answer();
    if (!this.kept.has(saving.id) && this.kept.size >= this.room) throw new DOMException('full', 'QuotaExceededError');
    const { name, configuration, adapter, history } = saving;
    const run = { ...runOf(history.snapshots), name, configuration, adapter, evaluations: history.evaluations };
    this.kept.set(saving.id, { ...saving, run });
    return summaryOf(saving);
  };

  renameRun: Store['renameRun'] = async (id, name) => {
    await this.answer();
    const one = this.kept.get(id);
    if (one) this.kept.set(id, { ...one, name, run: { ...one.run, name } });
  };

  deleteRun: Store['deleteRun'] = async (id) => {
    await this.answer();
    this.kept.delete(id);
  };

  private async answer(): Promise<void> {
    await Promise.resolve();
    if (this.isMissing) throw new ReferenceError('indexedDB is not defined');
  }
}

/** The runs of a page, the session that trains them and the storage that keeps them. */
export function page(): { readonly session: TrainingSession; readonly store: MemoryStore; readonly runs: Runs } {
  const session = new TrainingSession();
  const store = new MemoryStore();
  return { session, store, runs: new Runs(session as unknown as Session, () => Promise.resolve(store)) };
}
