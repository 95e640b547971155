import { SvelteMap } from 'svelte/reactivity';
import type { RunRecord } from '../../../run/record.ts';
import type { Session } from '../../state/session.svelte.ts';
import { nothingWritten } from './fresh.ts';
import { configurationName } from './labels.ts';
import { refusalOf, type Refusal } from './records/problems.ts';
import type * as RunStore from './records/runStore.ts';
import { summaryOf, type RunSummary, type Saving } from './records/summary.ts';

/** Shortest time between two savings of a run that trains. */
const SAVE_EVERY_MS = 5000;

/** What is asked of storage. */
export type Store = Pick<typeof RunStore, 'listRuns' | 'loadRun' | 'saveRun' | 'renameRun' | 'deleteRun'>;

/** A run that was trained here, as the page holds it. */
export interface Held extends Omit<Saving, 'name' | 'adapter'> {
  name: string;
  /** Last step in storage; 0: nothing is. */
  keptStep: number;
  /** Last step that storage was asked to take, and when. */
  triedStep: number;
  triedAt: number;
  /** Deleted by the reader: not to be written again. */
  dropped: boolean;
}

/** What the page knows of a run that is to go on: it stays the same run of the library. */
export type Known = Pick<Held, 'id' | 'createdAt' | 'written'> & {
  /** Undefined where it has none yet. */
  readonly name: string | undefined;
  /** Up to where storage has its record, of what it goes on from; 0: not at all. */
  readonly keptStep: number;
};

/** A held run that storage did not take as it stands. */
export interface Unkept {
  readonly summary: RunSummary;
  readonly refusal: Refusal;
  readonly keptStep: number;
}

/** Keeps what the session trains, and holds the run trained last and the one before it, be they kept or not. */
export class Keeper {
  current = $state.raw<Held>();
  private before = $state.raw<Held>();
  /** By their ids. */
  readonly unkept = new SvelteMap<string, Unkept>();
  /** The run that is being put back. */
  private expected: Known | undefined;
  /** The saving that is under way. */
  saving: Promise<void> | undefined;

  constructor(
    private readonly session: Session,
    private readonly openStore: () => Promise<Store>,
    private readonly onkept: (summary: RunSummary) => void,
  ) {}

  /**
   * Keeps what the session trains. To be called whenever it has changed. When a run begins, gives the one before it, and the
   * one that is not held any more.
   */
  follow(): { readonly former: Held | undefined; readonly released: Held | undefined } | undefined {
    const { session, current, before } = this;
    const { history, kind, corpus, configuration, runId } = session;
    const begins = kind === 'live' && history !== current?.history && history.length > 0 && corpus && runId;
    // A run that goes on from an earlier step of its own takes its own place.
    const goesBack = begins && current?.id === runId;
    if (begins) {
      // What was not saved of the run before is saved now; it is gone from the page.
      if (current && !goesBack) this.saveSoon(current);
      if (!goesBack) this.before = current;
      const known = this.expected?.id === runId ? this.expected : undefined;
      const keptStep = known?.keptStep ?? 0;
      this.current = {
        id: runId,
        createdAt: known?.createdAt ?? Date.now(),
        history,
        configuration,
        corpus,
        written: known?.written ?? nothingWritten(),
        name: known?.name ?? configurationName(configuration),
        // What is there of later steps stays until there are newer ones.
        keptStep,
        triedStep: keptStep,
        triedAt: Date.now(),
        dropped: false,
      };
      this.expected = undefined;
    }
    const now = this.current;
    if (now && now.history.lastStep !== now.triedStep) {
      if (session.state !== 'running' || Date.now() - now.triedAt >= SAVE_EVERY_MS) this.saveSoon(now);
    }
    if (!begins || goesBack) return undefined;
    return { former: current, released: before?.id === runId ? undefined : before };
  }

  /** The run of this id will be put back: what it was called and when it was begun stays. */
  expect(known: Known): void {
    this.expected = known;
  }

  /** Saves what is not saved yet: the page may be closed. */
  flush(): void {
    if (this.current) this.saveSoon(this.current);
  }

  /** Tries once more to keep what storage did not take: there may be room again. */
  async retry(): Promise<void> {
    for (const run of [this.before, this.current]) if (run && this.unkept.has(run.id)) await this.save(run);
  }

  /** The run of this id, if the page holds it. */
  held(id: string): Held | undefined {
    return [this.current, this.before].find((run) => run?.id === id);
  }

  /** Whether the record of this run is held, and will be in storage, if that takes it. */
  willKeep(id: string): boolean {
    return this.held(id)?.dropped === false;
  }

  recordOf({ name, configuration, corpus, history }: Held): RunRecord {
    return {
      version: 1,
      name,
      configuration,
      corpus,
      adapter: this.adapter,
      metrics: history.metrics(),
      snapshots: history.snapshots,
      evaluations: history.evaluations,
      ...(history.probe && { probe: history.probe.toProbe() }),
      ...(history.collection && { collection: history.collection }),
    };
  }

  async save(run: Held): Promise<void> {
    while (this.saving) await this.saving;
    if (run.dropped || run.history.lastStep === run.keptStep) return;
    this.saving = this.write(run);
    await this.saving;
  }

  private saveSoon(run: Held): void {
    run.triedStep = run.history.lastStep;
    run.triedAt = Date.now();
    void this.save(run);
  }

  private async write(run: Held): Promise<void> {
    const saving = { ...run, adapter: this.adapter };
    try {
      const store = await this.openStore();
      const summary = await store.saveRun(saving);
      run.keptStep = summary.steps;
      this.unkept.delete(run.id);
      this.onkept(summary);
    } catch (error) {
      // Released while it was written: nothing can be done for it any more.
      if (!this.held(run.id)) return;
      this.unkept.set(run.id, { summary: summaryOf(saving), refusal: refusalOf(error), keptStep: run.keptStep });
    } finally {
      this.saving = undefined;
    }
  }

  private get adapter(): string {
    return this.session.gpu?.description ?? '';
  }
}
