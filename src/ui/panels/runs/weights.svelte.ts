import type { LabError } from '../../../lab/door/labError.ts';
import type { CommandOf, CommandType, LabEvent } from '../../../lab/door/protocol.ts';
import type { ResumedRun } from '../../../lab/door/views.ts';
import type { SavedRunView } from '../../../run/savedRuns.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { load, save } from '../../state/storage.ts';

/** Says on the next visit that there is something to ask the lab for. */
const STORED_FLAG = 'hasSavedRuns';

/** What may go wrong with them, beside a save: that concerns the run that is on. */
const REQUESTS: readonly CommandType[] = [
  'listSavedRuns',
  'resumeRun',
  'importRun',
  'exportRun',
  'exportSavedRun',
  'renameSavedRun',
  'deleteSavedRun',
];

const COPIED = 'Another tab has this run open: a copy of it goes on here, as a run of its own.';

/** What is to be known of a run that was put back. */
function remarkOn({ isCopy, without }: ResumedRun): string | undefined {
  return [isCopy ? COPIED : undefined, without].filter((text) => text !== undefined).join(' ') || undefined;
}

/** The weights of runs, with all else that their next step needs: what the lab saves, so that they can go on. */
export class Weights {
  /** One of each run, as far as the lab was asked or has told of them. */
  all = $state.raw<readonly SavedRunView[]>([]);
  /** A run that may go on, until something else is begun: of an earlier visit, or one that the GPU has dropped. */
  offered = $state.raw<SavedRunView>();
  /** What has to be said of the run that was put back, for people. */
  remark = $state<string>();
  readonly requests: Requests;
  /** Why the run could not be saved by itself, until it is saved. */
  private notSaved = $state.raw<LabError>();
  /** The run that was on last. */
  private lastId: string | undefined;

  /** The run that is on, as it was saved last. */
  readonly current = $derived.by(() => this.of(this.session.runId));
  /** Why the run that goes on is not saved, be it that it should have been by itself or that somebody asked. */
  readonly saveProblem = $derived.by(() =>
    this.session.isRunLost ? undefined : (this.notSaved ?? this.requests.errorOf('saveRun')),
  );
  /** A run that was lost, and stands where that is told. */
  readonly lost = $derived.by(() => (this.session.isRunLost ? this.offered : undefined));
  /** Whether there is something to say that the panel, which may be closed, is not there to say. */
  readonly hasNote = $derived.by(
    () => this.saveProblem !== undefined || (this.offered !== undefined && this.lost === undefined),
  );
  readonly isResuming = $derived.by(() => this.requests.isWaiting('resumeRun') || this.requests.isWaiting('importRun'));
  readonly isExporting = $derived.by(
    () => this.requests.isWaiting('exportRun') || this.requests.isWaiting('exportSavedRun'),
  );
  /** What else went wrong, for people. */
  readonly problems = $derived.by(() =>
    REQUESTS.flatMap((type) => {
      const error = this.requests.errorOf(type);
      return error ? [`${error.message} ${error.action}`.trim()] : [];
    }),
  );

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /** Whether there is something of earlier visits: the lab is not started for nothing. */
  get hasEarlier(): boolean {
    return load<boolean>(STORED_FLAG) === true;
  }

  /** Offers to go on with the run that was saved last. */
  offer(): void {
    if (this.session.step === 0) [this.offered] = [...this.all].sort((a, b) => b.savedAt - a.savedAt);
  }

  /** Those of one run; undefined where none were saved. */
  of(id: string | undefined): SavedRunView | undefined {
    return this.all.find((run) => run.id === id);
  }

  dismissOffer(): void {
    this.offered = undefined;
  }

  async list(): Promise<void> {
    this.take(await this.requests.ask({ type: 'listSavedRuns' }));
  }

  async save(): Promise<void> {
    await this.requests.ask({ type: 'saveRun' });
  }

  /** The page may be closed: what is worth it is saved. */
  async secure(): Promise<void> {
    const { runId, step } = this.session;
    if (runId === undefined || step <= (this.current?.step ?? 0)) return;
    await this.requests.ask({ type: 'saveRun', ifWorthIt: true });
  }

  /** Puts a run back as it was saved. @returns whether it stands there. */
  async goOn(id: string): Promise<boolean> {
    const isBack = await this.resume({ type: 'resumeRun', id });
    // Another tab may have deleted it.
    if (!isBack) await this.list();
    return isBack;
  }

  /** The same from a file of the reader's. */
  open(blob: Blob): Promise<boolean> {
    return this.resume({ type: 'importRun', blob });
  }

  /** Hands the weights of a run out, with its record so far, as one file that goes on anywhere. */
  async export(id: string): Promise<void> {
    // Of the run that is on there is more than what was saved.
    const type = id === this.session.runId ? 'exportRun' : 'exportSavedRun';
    const file = await this.requests.ask(type === 'exportRun' ? { type } : { type, id });
    if (file) downloadFile(file.name, file.bytes);
  }

  async rename(id: string, name: string): Promise<void> {
    this.take(await this.requests.ask({ type: 'renameSavedRun', id, name }));
  }

  /** Deletes them for good; a run that is on is not saved by itself any more. */
  async remove(id: string): Promise<void> {
    this.all = this.without(id);
    const left = await this.requests.ask({ type: 'deleteSavedRun', id });
    if (left) this.take(left);
    else await this.list();
  }

  private async resume(command: CommandOf<'resumeRun' | 'importRun'>): Promise<boolean> {
    const { offered } = this;
    this.offered = undefined;
    this.remark = undefined;
    // It concerned the run before.
    this.notSaved = undefined;
    this.requests.forgive('saveRun');
    const resumed = await this.requests.ask(command);
    // Another try may do it: Train would begin at step 0.
    if (!resumed) this.offered ??= offered;
    if (resumed) this.remark = remarkOn(resumed);
    return resumed !== undefined;
  }

  private hear(event: LabEvent): void {
    switch (event.type) {
      case 'saved':
        this.all = [...this.without(event.run.id), event.run];
        this.notSaved = undefined;
        this.requests.forgive('saveRun');
        save(STORED_FLAG, true);
        break;
      case 'notSaved':
        this.notSaved = event.error;
        break;
      case 'step':
        this.offered = undefined;
        break;
      case 'lost':
        this.offered = this.of(this.lastId);
        break;
      case 'opened':
        this.lastId = event.id;
        break;
      default:
        break;
    }
  }

  private without(id: string): SavedRunView[] {
    return this.all.filter((run) => run.id !== id);
  }

  private take(runs: readonly SavedRunView[] | undefined): void {
    if (!runs) return;
    this.all = runs;
    save(STORED_FLAG, runs.length > 0);
    if (!this.of(this.offered?.id)) this.offered = undefined;
  }
}
