import type { LabError } from '../../../lab/door/labError.ts';
import type { Answers, CommandOf, LabEvent } from '../../../lab/door/protocol.ts';
import type { LabFile } from '../../../lab/door/views.ts';
import type { SavedRunView } from '../../../run/savedRuns.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import { bytes } from '../../components/format.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { load, save } from '../../state/storage.ts';

/** Says on the next visit that there is something to ask the lab for. */
const STORED_FLAG = 'hasSavedRuns';

/** What is taken out of a run and put back: adapters, and whole runs that go on later. */
export class TakeHome {
  /** Newest first; undefined until the lab has been asked. */
  runs = $state.raw<readonly SavedRunView[]>();
  /** Step of the run that was saved last, in this visit. */
  savedStep = $state<number>();
  /** What the last import put under the run, in words. */
  imported = $state<string>();
  /** The file that was handed out last, with its size. */
  handedOut = $state<string>();
  /** A run of an earlier visit that may go on, until something else is begun. */
  offered = $state.raw<SavedRunView>();
  readonly requests: Requests;
  /** Why the run could not be saved by itself, until it is saved. */
  private notSaved = $state.raw<LabError>();

  /** Why the run is not saved, be it that it should have been by itself or that somebody asked. */
  readonly saveProblem = $derived.by(() => this.notSaved ?? this.requests.errorOf('saveRun'));
  /** Whether there is something to say that the panel, which may be closed, is not there to say. */
  readonly hasNote = $derived.by(() => this.offered !== undefined || this.saveProblem !== undefined);

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /** Asks for the runs of earlier visits, if there are any: the lab is not started for nothing. */
  async offerEarlier(): Promise<void> {
    if (load<boolean>(STORED_FLAG) !== true) return;
    await this.list();
    if (this.session.step === 0) this.offered = this.runs?.[0];
  }

  dismissOffer(): void {
    this.offered = undefined;
  }

  async list(): Promise<void> {
    this.take(await this.requests.ask({ type: 'listSavedRuns' }));
  }

  async exportAdapters(): Promise<void> {
    this.handOut(await this.ask('exportAdapters'));
  }

  async exportRun(): Promise<void> {
    this.handOut(await this.ask('exportRun'));
  }

  async saveRun(): Promise<void> {
    await this.ask('saveRun');
  }

  async importAdapters(files: readonly PathFile[]): Promise<void> {
    this.imported = undefined;
    // Adapters go under a run; the one that is chosen is prepared if none is on.
    const before = (): Promise<void> => this.session.settle();
    const imported = await this.requests.ask({ type: 'importAdapters', files }, { before });
    this.imported = imported?.detail;
  }

  importRun(blob: Blob): Promise<void> {
    return this.goOnWith({ type: 'importRun', blob });
  }

  resume(id: string): Promise<void> {
    return this.goOnWith({ type: 'resumeRun', id });
  }

  async remove(id: string): Promise<void> {
    this.take(await this.requests.ask({ type: 'deleteSavedRun', id }));
  }

  private async goOnWith(command: CommandOf<'resumeRun' | 'importRun'>): Promise<void> {
    this.offered = undefined;
    if (await this.requests.ask(command)) this.savedStep = undefined;
  }

  private ask<T extends 'exportAdapters' | 'exportRun' | 'saveRun'>(type: T): Promise<Answers[T] | undefined> {
    this.handedOut = undefined;
    return this.requests.ask({ type } as CommandOf<T>);
  }

  private handOut(file: LabFile | undefined): void {
    if (!file) return;
    downloadFile(file.name, file.bytes);
    this.handedOut = `${file.name} (${bytes(file.bytes.byteLength)})`;
  }

  private hear(event: LabEvent): void {
    switch (event.type) {
      case 'saved':
        this.savedStep = event.step;
        this.notSaved = undefined;
        this.requests.forgive('saveRun');
        save(STORED_FLAG, true);
        // The list, where somebody looks at it, has a newer run now.
        if (this.runs) void this.list();
        break;
      case 'notSaved':
        this.notSaved = event.error;
        break;
      case 'step':
        this.offered = undefined;
        break;
      default:
        break;
    }
  }

  private take(runs: readonly SavedRunView[] | undefined): void {
    if (!runs) return;
    this.runs = [...runs].sort((a, b) => b.savedAt - a.savedAt);
    save(STORED_FLAG, runs.length > 0);
    if (!this.runs.some(({ id }) => id === this.offered?.id)) this.offered = undefined;
  }
}
