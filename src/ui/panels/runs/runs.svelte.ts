import { SvelteMap } from 'svelte/reactivity';
import type { ResumedRun } from '../../../lab/door/views.ts';
import type { RunRecord } from '../../../run/record.ts';
import type { SavedRunView } from '../../../run/savedRuns.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import { History } from '../../state/history/history.ts';
import type { Session } from '../../state/session.svelte.ts';
import { fileName } from './records/fileName.ts';
import { allWritten, forget, newId, nothingWritten } from './fresh.ts';
import { Keeper, type Store } from './keeper.svelte.ts';
import { hasWeights, libraryOf, type LibraryRun } from './library.ts';
import { continued } from './records/continued.ts';
import { listProblem, lost, notKept, problemOf, UnreadableRunError } from './records/problems.ts';
import { readRunFile } from './records/readRunFile.ts';
import type { RunSummary } from './records/summary.ts';
import { Weights } from './weights.svelte.ts';

/** Fewer cannot be compared, more lines cannot be told apart. */
export const COMPARED = { least: 2, most: 6 } as const;

/** A run that was deleted, with what can be had back. */
type Deleted = RunRecord & { readonly id: string; readonly createdAt: number; readonly hadWeights: boolean };

/** A run that is compared. Its number is that of its place, from 0: the same in the list and in every chart. */
export interface ComparedRun {
  readonly place: number;
  readonly summary: RunSummary;
  readonly history: History;
}

/**
 * All runs of this browser: what is trained is kept by itself; the others can be shown, compared and handed out, and gone on
 * with where their weights are there.
 */
export class Runs {
  /** What was asked for and could not be done, for people. */
  problem = $state<string>();
  /** Why files were not taken. */
  fileProblems = $state.raw<readonly string[]>([]);
  /** The file that is being read, and what ends that. */
  reading = $state.raw<{ readonly name: string; readonly stop: () => void }>();
  /** Chosen in the list. */
  chosenId = $state<string>();
  /** Ticked to be compared, in the order of ticking. */
  compared = $state.raw<readonly string[]>([]);
  /** Deleted last, and still to be had. */
  deleted = $state.raw<Deleted>();
  readonly weights: Weights;

  /** The runs in storage; undefined until it has answered. */
  private stored = $state.raw<readonly RunSummary[]>();
  /** Whether storage has refused to give the list. */
  private isListMissing = $state(false);
  /** Histories of the compared runs. */
  private readonly histories = new SvelteMap<string, History>();
  private readonly keeper: Keeper;

  /** The run that is being trained, or was trained last. */
  readonly currentId = $derived.by(() => this.keeper.current?.id);
  /** Newest first, those that are not kept among them; undefined until storage has answered. */
  readonly list: readonly LibraryRun[] | undefined = $derived.by(() => {
    const { stored, weights } = this;
    if (!stored) return undefined;
    const { unkept } = this.keeper;
    const held = [...unkept.values()].map(({ summary }) => summary);
    const records = [...held, ...stored.filter(({ id }) => !unkept.has(id))];
    return libraryOf(records, weights.all, (id) => this.keeper.willKeep(id));
  });
  readonly chosen = $derived.by(() => this.list?.find(({ id }) => id === this.chosenId));
  /** Why the run trained last is not kept, for people. */
  readonly unkept = $derived.by(() => {
    const one = this.keeper.unkept.get(this.currentId ?? '');
    return one && notKept(one.refusal, one.keptStep);
  });
  /** All that is to be said of storage and files. */
  readonly problems = $derived.by(() => {
    const list = this.isListMissing && !this.unkept ? listProblem() : undefined;
    return [list, this.unkept, this.problem, ...this.weights.problems, ...this.fileProblems].filter(
      (text) => text !== undefined,
    );
  });

  constructor(
    private readonly session: Session,
    private readonly openStore: () => Promise<Store> = () => import('./records/runStore.ts'),
  ) {
    this.weights = new Weights(session);
    session.recall = (run) => this.recall(run);
    this.keeper = new Keeper(session, openStore, (summary) => {
      this.stored &&= [...this.stored.filter(({ id }) => id !== summary.id), summary];
    });
  }

  /** Keeps what the session trains. To be called whenever it has changed. */
  follow(): void {
    const begun = this.keeper.follow();
    if (!begun) return;
    const { former, released } = begun;
    // Its line stays where it is: the page holds it, whatever storage does.
    if (former && this.compared.includes(former.id)) this.histories.set(former.id, former.history);
    if (released && this.keeper.unkept.delete(released.id) && released.keptStep === 0) {
      this.leave(released.id);
      this.problem = lost(released.name);
    }
  }

  /** Saves what is not saved yet: the page may be closed. */
  flush(): void {
    this.keeper.flush();
  }

  /** Offers to go on with a run of an earlier visit, if there is one. */
  async offerEarlier(): Promise<void> {
    const { weights } = this;
    if (!weights.hasEarlier) return;
    // By the names that the reader knows them by.
    await Promise.all([this.refresh(), weights.list()]);
    weights.offer();
  }

  /** What a saved run is called here. */
  nameOf({ id, name }: SavedRunView): string {
    return this.stored?.find((run) => run.id === id)?.name ?? name;
  }

  async refresh(): Promise<void> {
    try {
      const store = await this.openStore();
      this.stored = await store.listRuns();
      this.isListMissing = false;
      // What another tab has deleted has no line any more; what is trained here will be in storage.
      const isThere = (id: string): boolean =>
        id === this.currentId ||
        this.keeper.held(id)?.keptStep === 0 ||
        this.stored?.some((run) => run.id === id) === true;
      for (const id of this.compared) if (!isThere(id)) this.leave(id);
    } catch {
      this.isListMissing = true;
    }
    this.stored ??= [];
  }

  /** How far a run of the list is kept: up to a step (0: not at all); undefined where it is kept whole. */
  keptStep(id: string): number | undefined {
    return this.keeper.unkept.get(id)?.keptStep;
  }

  /** Goes on with a run as it was saved: it is the run on the page, and stays the same run of the library. */
  async goOn(id: string): Promise<void> {
    if (await this.weights.goOn(id)) this.chosenId = this.session.runId;
  }

  /** Shows the record of a run on the page. */
  async open({ record: summary }: LibraryRun): Promise<void> {
    const { session } = this;
    if (!summary) return;
    if (summary.id === this.currentId && this.keeper.current?.history === session.history) return;
    if (summary.id === this.currentId && session.stage.hasAside) return session.stage.comeBack();
    const run = await this.load(summary);
    if (!run) return;
    const { configuration, corpus, history } = run;
    session.show({ name: summary.name, history, configuration, corpus });
  }

  async rename(id: string, wanted: string): Promise<void> {
    const name = wanted.trim().slice(0, 120);
    if (name === '') return;
    const held = this.keeper.held(id);
    if (held) held.name = name;
    // What is being written has the name it had.
    await this.keeper.saving;
    const unkept = this.keeper.unkept.get(id);
    if (unkept) this.keeper.unkept.set(id, { ...unkept, summary: { ...unkept.summary, name } });
    if (this.weights.of(id)) await this.weights.rename(id, name);
    if (unkept?.keptStep === 0) return;
    await this.attempt('the name was not changed', async () => (await this.openStore()).renameRun(id, name));
    await this.refresh();
  }

  /** Deletes a run: its record, which can be had back, and its weights, which cannot. */
  async remove({ id, name, createdAt, record, weights }: LibraryRun): Promise<void> {
    // What cannot be read can be deleted all the same; only there is nothing to bring back.
    const run = record && (await this.read(record).catch(() => undefined));
    const held = this.keeper.held(id);
    if (held) held.dropped = true;
    await this.keeper.saving;
    const isDeleted = await this.attempt(`${name} was not deleted`, async () => {
      if (record && held?.keptStep !== 0) await (await this.openStore()).deleteRun(id);
      return true;
    });
    if (!isDeleted) {
      if (held) held.dropped = false;
      return;
    }
    this.keeper.unkept.delete(id);
    this.leave(id);
    this.deleted = run && { ...run, id, createdAt, hadWeights: weights !== undefined };
    if (this.chosenId === id) this.chosenId = undefined;
    // The run that is on would be saved again by itself.
    if (weights || id === this.session.runId) void this.weights.remove(id);
    // There is room again.
    await this.keeper.retry();
    await this.refresh();
  }

  /** Puts back what was deleted last. */
  async undelete(): Promise<void> {
    const { deleted } = this;
    if (!deleted) return;
    const held = this.keeper.held(deleted.id);
    if (held) {
      held.dropped = false;
      held.keptStep = 0;
      forget(held.written);
      await this.keeper.save(held);
      this.chosenId = deleted.id;
      // As before, it goes on from where it stands.
      const isSaved = deleted.hadWeights || deleted.configuration.autosaveEvery > 0;
      if (isSaved && deleted.id === this.session.runId) void this.weights.save();
      await this.refresh();
    } else {
      const isBack = await this.attempt(`${deleted.name} was not put back`, () =>
        this.put(deleted, deleted.id, deleted.createdAt),
      );
      if (!isBack) return;
    }
    this.deleted = undefined;
  }

  /** Adds another run with the same record. */
  async duplicate({ record: summary }: LibraryRun): Promise<void> {
    if (!summary) return;
    const name = `${summary.name} (copy)`;
    await this.attempt(`${name} was not added`, async () => this.put({ ...(await this.read(summary)), name }));
  }

  /** Hands the record of a run out as one file. */
  async exportRun({ record: summary }: LibraryRun): Promise<void> {
    if (!summary) return;
    const { name } = summary;
    await this.attempt(`${name} was not exported`, async () => {
      const [run, { writeRun }] = await Promise.all([this.read(summary), import('./records/runFile.ts')]);
      downloadFile(`${fileName(name)}.run.json`, new TextEncoder().encode(writeRun({ ...run, name })));
    });
  }

  /** Takes runs from files that anybody may have written: records are added, and of those with weights one goes on. */
  async importFiles(files: readonly File[]): Promise<void> {
    this.fileProblems = [];
    const [weights, ...more] = files.filter(hasWeights);
    this.fileProblems = more.map(({ name }) => `${name} was not opened: one run at a time can go on.`);
    if (weights) await this.weights.open(weights);
    for (const file of files.filter((one) => !hasWeights(one))) {
      const stopping = new AbortController();
      this.reading = { name: file.name, stop: () => stopping.abort() };
      try {
        await this.put(await readRunFile(file, stopping.signal));
      } catch (error) {
        if (!stopping.signal.aborted)
          this.fileProblems = [...this.fileProblems, problemOf(error, `${file.name} was not added`)];
      } finally {
        this.reading = undefined;
      }
    }
  }

  /** Adds a run to what is compared, or takes it out. */
  async compare(id: string): Promise<void> {
    if (this.compared.includes(id)) return this.leave(id);
    const summary = this.list?.find((run) => run.id === id)?.record;
    if (!summary || this.compared.length >= COMPARED.most) return;
    this.compared = [...this.compared, id];
    if (id === this.currentId) return;
    const run = await this.load(summary);
    if (!run) this.leave(id);
    else if (this.compared.includes(id)) this.histories.set(id, run.history);
  }

  /** The compared runs that are there. One that is still being read keeps its place free. */
  comparedRuns(): ComparedRun[] {
    const { current } = this.keeper;
    return this.compared.flatMap((id, place) => {
      const summary = this.list?.find((run) => run.id === id)?.record;
      // That of the run being trained grows.
      const history = current?.id === id ? current.history : this.histories.get(id);
      return summary && history ? [{ place, summary, history }] : [];
    });
  }

  /** All that is known of a run that is put back; its record goes on in its own place of the library. */
  private async recall({ id, step, run }: ResumedRun): Promise<RunRecord | undefined> {
    await this.keeper.saving;
    const held = this.keeper.held(id);
    const store = await this.openStore().catch(() => undefined);
    const [kept, list] = await Promise.all([
      // One that cannot be read is written anew.
      store?.loadRun(id).catch(() => undefined),
      store?.listRuns().catch(() => undefined),
    ]);
    const saved = this.weights.of(id);
    const { createdAt = saved?.savedAt ?? Date.now(), name = saved?.name } =
      held ?? list?.find((one) => one.id === id) ?? ({} as Partial<RunSummary>);
    const written = allWritten(kept);
    const keptStep = Math.min(kept?.metrics.at(-1)?.step ?? 0, step);
    this.keeper.expect({ id, createdAt, name, written, keptStep });
    return continued(held ? this.keeper.recordOf(held) : kept, run, step);
  }

  /** Takes a run out of what is compared. */
  private leave(id: string): void {
    this.compared = this.compared.filter((one) => one !== id);
    this.histories.delete(id);
  }

  /** A run with its history; undefined, and a word, when it cannot be read. */
  private load(summary: RunSummary): Promise<(RunRecord & { readonly history: History }) | undefined> {
    return this.attempt(`${summary.name} was not read`, async () => {
      const run = await this.read(summary);
      return { ...run, history: History.from(run) };
    });
  }

  /** @throws UnreadableRunError, or what storage throws. */
  private async read({ id, name }: RunSummary): Promise<RunRecord> {
    const held = this.keeper.held(id);
    if (held) return this.keeper.recordOf(held);
    const run = await (await this.openStore()).loadRun(id);
    if (!run) throw new UnreadableRunError(name, 'it is not there any more; another tab may have deleted it.');
    return run;
  }

  /** Adds a run to storage and chooses it. */
  private async put(run: RunRecord, id = newId(), createdAt = Date.now()): Promise<true> {
    const { name, configuration, corpus, adapter } = run;
    const history = History.from(run);
    const store = await this.openStore();
    await store.saveRun({ id, name, createdAt, history, configuration, corpus, adapter, written: nothingWritten() });
    this.chosenId = id;
    await this.refresh();
    return true;
  }

  /** Does what the reader asked for; when it goes wrong, that is said, and nothing else changes. */
  private async attempt<T>(undone: string, work: () => Promise<T>): Promise<T | undefined> {
    this.problem = undefined;
    try {
      return await work();
    } catch (error) {
      this.problem = problemOf(error, undone);
      return undefined;
    }
  }
}
