import type { LabEvent, SavedRunView } from '../../../lab/door/protocol.ts';
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
  readonly requests = new Requests();

  /** Whether there is something to say that the panel, which may be closed, is not there to say. */
  readonly hasNote = $derived(this.offered !== undefined || this.requests.errorOf('saveRun') !== undefined);

  private isFirstList = false;

  constructor(private readonly session: Session) {
    session.listen((event) => this.hear(event));
  }

  /** Asks for the runs of earlier visits, if there are any: the lab is not started for nothing. */
  offerEarlier(): void {
    if (load<boolean>(STORED_FLAG) !== true) return;
    this.isFirstList = true;
    this.list();
  }

  dismissOffer(): void {
    this.offered = undefined;
  }

  list(): void {
    this.requests.begin('listSavedRuns');
    this.session.send({ type: 'listSavedRuns' });
  }

  exportAdapters(): void {
    this.ask('exportAdapters');
  }

  exportRun(): void {
    this.ask('exportRun');
  }

  saveRun(): void {
    this.ask('saveRun');
  }

  importAdapters(files: readonly PathFile[]): void {
    this.imported = undefined;
    this.requests.begin('importAdapters');
    // Adapters go under a run; the one that is chosen is prepared if none is on.
    this.session.settle();
    this.session.send({ type: 'importAdapters', files });
  }

  importRun(blob: Blob): void {
    this.offered = undefined;
    this.requests.begin('importRun');
    this.session.send({ type: 'importRun', blob });
  }

  resume(id: string): void {
    this.offered = undefined;
    this.requests.begin('resumeRun');
    this.session.send({ type: 'resumeRun', id });
  }

  remove(id: string): void {
    this.requests.begin('deleteSavedRun');
    this.session.send({ type: 'deleteSavedRun', id });
  }

  private ask(type: 'exportAdapters' | 'exportRun' | 'saveRun'): void {
    this.handedOut = undefined;
    this.requests.begin(type);
    this.session.send({ type });
  }

  private hear(event: LabEvent): void {
    this.requests.hear(event);
    switch (event.type) {
      case 'file':
        downloadFile(event.name, event.bytes);
        this.handedOut = `${event.name} (${bytes(event.bytes.byteLength)})`;
        this.requests.end('exportAdapters', 'exportRun');
        break;
      case 'imported':
        this.imported = event.detail;
        this.requests.end('importAdapters');
        break;
      case 'saved':
        this.savedStep = event.step;
        save(STORED_FLAG, true);
        this.requests.end('saveRun');
        this.requests.forgive('saveRun');
        // The list, where somebody looks at it, has a newer run now.
        if (this.runs) this.list();
        break;
      case 'savedRuns':
        this.takeList(event.runs);
        break;
      case 'resumed':
        this.requests.end('resumeRun', 'importRun');
        this.savedStep = undefined;
        break;
      case 'step':
        this.offered = undefined;
        break;
      default:
        break;
    }
  }

  private takeList(runs: readonly SavedRunView[]): void {
    this.runs = [...runs].sort((a, b) => b.savedAt - a.savedAt);
    this.requests.end('listSavedRuns', 'deleteSavedRun');
    save(STORED_FLAG, runs.length > 0);
    if (this.isFirstList && this.session.step === 0) this.offered = this.runs[0];
    else if (!this.runs.some(({ id }) => id === this.offered?.id)) this.offered = undefined;
    this.isFirstList = false;
  }
}
