import { LabFailure } from '../../../src/lab/door/labError.ts';
import type { CommandOf, Door, LabCommand, LabEvent } from '../../../src/lab/door/protocol.ts';
import type { ResumedRun } from '../../../src/lab/door/views.ts';
import type { SavedRunView } from '../../../src/run/savedRuns.ts';
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

/** The session as far as the runs look at it: a run is trained by adding to its history. Its lab saves runs in memory. */
export class TrainingSession implements Door {
  kind = 'live';
  state = 'paused';
  corpus = corpus;
  adapter = { description: 'none', software: true };
  history = new History(REVELA);
  configuration = configure({});
  shown: string | undefined;
  runId = 'run-0';
  recall: (run: ResumedRun) => Promise<RunRecord | undefined> = ({ run }) => Promise.resolve(run);
  /** What the lab was asked. */
  readonly asked: LabCommand[] = [];
  /** What the lab has saved, with the steps that it would put back. */
  readonly saved = new Map<string, SavedRunView & { readonly run: RunRecord }>();
  /** What the lab says of runs that it puts back. */
  putBackAs: Partial<Pick<ResumedRun, 'isCopy' | 'without'>> = {};
  private listener: (event: LabEvent) => void = () => undefined;
  private runs = 0;
  readonly stage = { hasAside: false, comeBack: () => undefined };

  show({ name }: { readonly name: string }): void {
    this.shown = name;
  }

  /** Begins a run of these settings and trains it for some steps. */
  train(changes: Record<string, unknown>, steps: number): void {
    this.history = new History(REVELA);
    this.configuration = configure(changes);
    this.runId = `run-${++this.runs}`;
    this.goOn(steps);
  }

  get step(): number {
    return this.history.lastStep;
  }

  listen(listener: (event: LabEvent) => void): () => void {
    this.listener = listener;
    return () => undefined;
  }

  /** The lab saves the run that is on. */
  save(): void {
    const { runId: id, step, history } = this;
    const view = { id, name: 'Small models', step, savedAt: 1000 + step, bytes: 100 };
    this.saved.set(id, { ...view, run: { ...runOf(history.snapshots), metrics: history.metrics() } });
    this.listener({ type: 'saved', run: view });
  }

  ask: Door['ask'] = async (command) => {
    this.asked.push(command);
    await Promise.resolve();
    return (await this.answer(command)) as never;
  };

  private async answer(command: LabCommand): Promise<unknown> {
    switch (command.type) {
      case 'saveRun':
        this.save();
        return { step: this.step };
      case 'resumeRun':
        return this.putBack(command);
      case 'deleteSavedRun':
        this.saved.delete(command.id);
        break;
      case 'renameSavedRun':
        this.saved.set(command.id, { ...this.saved.get(command.id)!, name: command.name });
        break;
      default:
        break;
    }
    return [...this.saved.values()].map(({ id, name, step, savedAt, bytes }) => ({ id, name, step, savedAt, bytes }));
  }

  private async putBack({ id }: CommandOf<'resumeRun'>): Promise<ResumedRun> {
    const found = this.saved.get(id);
    if (!found) throw new LabFailure({ kind: 'badInput', message: 'It is not there any more.', action: '' });
    const { step, run } = found;
    const resumed = {
      id,
      isCopy: false,
      without: undefined,
      configuration: run.configuration,
      text: undefined,
      title: undefined,
      step,
      run,
      corpus,
      ...this.putBackAs,
    };
    const record = await this.recall(resumed);
    this.runId = id;
    this.configuration = run.configuration;
    this.history = record ? History.from(record) : new History(REVELA);
    return resumed;
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
