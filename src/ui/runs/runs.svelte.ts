import { SvelteMap } from 'svelte/reactivity';
import type { CorpusSummary, RunRecord } from '../../lab/run.ts';
import { downloadFile } from '../downloadFile.ts';
import { History } from '../run/history.ts';
import type { Session } from '../run/session.svelte.ts';
import { fileName } from './fileName.ts';
import { configurationName } from './labels.ts';
import { MAXIMUM_FILE_BYTES, readRun, RunFileError, writeRun } from './runFile.ts';
import type * as RunStore from './runStore.ts';
import type { RunSummary } from './summary.ts';
import { newId, nothingWritten } from './fresh.ts';

/** Shortest time between two savings of a run that trains. */
const SAVE_EVERY_MS = 5000;
/** Fewer cannot be compared, more lines cannot be told apart. */
export const COMPARED = { least: 2, most: 6 } as const;

/** What is asked of storage. */
export type Store = Pick<typeof RunStore, 'listRuns' | 'loadRun' | 'saveRun' | 'renameRun' | 'deleteRun'>;

/** A run that is compared. Its number is that of its place, from 0: the same in the list and in every chart. */
export interface ComparedRun {
  readonly place: number;
  readonly summary: RunSummary;
  readonly history: History;
}

/** The run that is being trained, as it is kept. */
interface Followed {
  readonly id: string;
  readonly createdAt: number;
  readonly history: History;
  readonly configuration: Session['configuration'];
  readonly corpus: CorpusSummary;
  /** Steps of the pictures in storage. */
  readonly written: Set<number>;
  name: string;
  savedStep: number;
  savedAt: number;
  /** Deleted by the reader: not to be written again. */
  dropped: boolean;
}

/** All runs of this browser: what is trained is kept by itself; the others can be shown, compared and handed out. */
export class Runs {
  /** Newest first; undefined until storage has answered. */
  list = $state.raw<readonly RunSummary[]>();
  /** Why storage does not do what it should, for people. */
  problem = $state<string>();
  /** Why a file was not taken. */
  fileProblem = $state<string>();
  /** Chosen in the list. */
  chosenId = $state<string>();
  /** Ticked to be compared, in the order of ticking. */
  compared = $state.raw<readonly string[]>([]);
  /** Deleted last, and still to be had. */
  deleted = $state.raw<RunRecord & { readonly id: string; readonly createdAt: number }>();
  /** Histories of the compared runs. */
  readonly histories = new SvelteMap<string, History>();

  private followed = $state.raw<Followed>();
  private saving: Promise<void> | undefined;

  /** The run that is being trained, or was trained last. */
  readonly currentId = $derived.by(() => this.followed?.id);
  readonly chosen = $derived.by(() => this.list?.find(({ id }) => id === this.chosenId));

  constructor(
    private readonly session: Session,
    private readonly openStore: () => Promise<Store> = () => import('./runStore.ts'),
  ) {}

  /** Keeps what the session trains. To be called whenever it has changed. */
  follow(): void {
    const { session, followed } = this;
    const { history, kind, corpus } = session;
    if (kind === 'live' && history !== followed?.history && history.length > 0 && corpus) {
      // What was not saved of the run before is saved now; it is gone from the page.
      if (followed) {
        void this.save(followed);
        // Its line stays where it is: the page holds it, whatever storage does.
        if (this.compared.includes(followed.id)) this.histories.set(followed.id, followed.history);
      }
      this.followed = {
        id: newId(),
        createdAt: Date.now(),
        history,
        configuration: session.configuration,
        corpus,
        written: nothingWritten(),
        name: configurationName(session.configuration),
        savedStep: 0,
        savedAt: Date.now(),
        dropped: false,
      };
    }
    const now = this.followed;
    if (!now || now.history.lastStep === now.savedStep) return;
    if (session.state !== 'running' || Date.now() - now.savedAt >= SAVE_EVERY_MS) void this.save(now);
  }

  /** Saves what is not saved yet: the page may be closed. */
  flush(): void {
    if (this.followed) void this.save(this.followed);
  }

  async refresh(): Promise<void> {
    await this.attempt(async (store) => {
      const list = await store.listRuns();
      this.list = list;
      // What another page has deleted has no line any more.
      const isThere = (id: string): boolean => id === this.currentId || list.some((run) => run.id === id);
      for (const id of this.compared) if (!isThere(id)) this.leave(id);
    });
    this.list ??= [];
  }

  /** Shows a kept run on the page. */
  async open({ id, name }: RunSummary): Promise<void> {
    if (id === this.currentId && this.followed?.history === this.session.history) return;
    if (id === this.currentId && this.session.stage.hasAside) return this.session.stage.comeBack();
    const run = await this.load(id);
    if (!run) return;
    const { configuration, corpus } = run;
    this.session.show({ name, history: History.from(run), configuration, corpus });
  }

  async rename(id: string, wanted: string): Promise<void> {
    const name = wanted.trim().slice(0, 120);
    if (name === '') return;
    if (this.followed?.id === id) this.followed.name = name;
    await this.attempt((store) => store.renameRun(id, name));
    await this.refresh();
  }

  async remove({ id, createdAt }: RunSummary): Promise<void> {
    const run = await this.load(id);
    if (this.followed?.id === id) this.followed.dropped = true;
    await this.saving;
    await this.attempt(async (store) => {
      await store.deleteRun(id);
      // There is room again.
      this.problem = undefined;
    });
    this.leave(id);
    if (run) this.deleted = { ...run, id, createdAt };
    if (this.chosenId === id) this.chosenId = undefined;
    await this.refresh();
  }

  /** Puts back what was deleted last. */
  async undelete(): Promise<void> {
    const { deleted, followed } = this;
    if (!deleted) return;
    this.deleted = undefined;
    if (followed?.id === deleted.id) {
      followed.dropped = false;
      followed.written.clear();
    }
    await this.put(deleted, deleted.id, deleted.createdAt);
  }

  async duplicate({ id, name }: RunSummary): Promise<void> {
    const run = await this.load(id);
    if (run) await this.put({ ...run, name: `${name} (copy)` });
  }

  /** Hands a run out as one file. */
  async exportRun({ id, name }: RunSummary): Promise<void> {
    const run = await this.load(id);
    if (run) downloadFile(`${fileName(name)}.run.json`, new TextEncoder().encode(writeRun({ ...run, name })));
  }

  /** Takes a run from a file that anybody may have written. */
  async importFile(file: File): Promise<void> {
    this.fileProblem = undefined;
    try {
      if (file.size > MAXIMUM_FILE_BYTES) {
        throw new RunFileError(file.name, `it is larger than ${MAXIMUM_FILE_BYTES / 1024 / 1024} MB.`);
      }
      await this.put(readRun(await file.text(), file.name));
    } catch (error) {
      this.fileProblem =
        error instanceof RunFileError ? error.message : `${file.name} could not be read. Choose it again.`;
    }
  }

  /** Adds a run to what is compared, or takes it out. */
  async compare(id: string): Promise<void> {
    if (this.compared.includes(id)) return this.leave(id);
    if (this.compared.length >= COMPARED.most) return;
    this.compared = [...this.compared, id];
    if (id === this.currentId) return;
    const run = await this.load(id);
    if (!run) this.leave(id);
    else if (this.compared.includes(id)) this.histories.set(id, History.from(run));
  }

  /** The compared runs that are there. One that is still being read keeps its place free. */
  comparedRuns(): ComparedRun[] {
    return this.compared.flatMap((id, place) => {
      const summary = this.list?.find((run) => run.id === id);
      const history = this.historyOf(id);
      return summary && history ? [{ place, summary, history }] : [];
    });
  }

  /** The history of a compared run: that of the run being trained grows. */
  private historyOf(id: string): History | undefined {
    return this.followed?.id === id ? this.followed.history : this.histories.get(id);
  }

  /** Takes a run out of what is compared. */
  private leave(id: string): void {
    this.compared = this.compared.filter((one) => one !== id);
    this.histories.delete(id);
  }

  private async load(id: string): Promise<RunRecord | undefined> {
    if (this.followed?.id === id) await this.save(this.followed);
    return this.attempt((store) => store.loadRun(id));
  }

  private async put(run: RunRecord, id = newId(), createdAt = Date.now()): Promise<void> {
    const { name, configuration, corpus, adapter } = run;
    const history = History.from(run);
    await this.attempt((store) =>
      store.saveRun({ id, name, createdAt, history, configuration, corpus, adapter, written: nothingWritten() }),
    );
    this.chosenId = id;
    await this.refresh();
  }

  private async save(followed: Followed): Promise<void> {
    while (this.saving) await this.saving;
    if (followed.dropped || followed.history.lastStep === followed.savedStep) return;
    followed.savedStep = followed.history.lastStep;
    followed.savedAt = Date.now();
    this.saving = this.attempt((store) =>
      store.saveRun({ ...followed, adapter: this.session.adapter?.description ?? '' }),
    ).then((summary) => {
      this.saving = undefined;
      if (summary) this.problem = undefined;
      if (!summary || !this.list) return;
      const others = this.list.filter(({ id }) => id !== summary.id);
      this.list = [...others, summary].sort((a, b) => b.createdAt - a.createdAt);
    });
    await this.saving;
  }

  /** Does something with storage; what goes wrong is said, and changes nothing else. */
  private async attempt<T>(work: (store: Store) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(await this.openStore());
    } catch (error) {
      this.problem = storageProblem(error);
      return undefined;
    }
  }
}

function storageProblem(error: unknown): string {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError') {
    return 'This browser’s storage is full: the run goes on, but is not kept. Export and delete runs you no longer need.';
  }
  return 'This browser does not let the page keep runs (a private window may be the reason). They last until it is closed.';
}
