import { changedSettings, type Configuration } from '../../../settings/configuration.ts';
import type {
  DownloadView,
  LabEvent,
  ModelOffer,
  ModelView,
  PlanView,
  StorageView,
} from '../../../lab/door/protocol.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { load, save } from '../../state/storage.ts';
import { isNamed } from './names.ts';

const STORED_HUB = 'hub';
const ENDED: readonly DownloadView['state'][] = ['complete', 'paused', 'failed'];

/** Checkpoints as the page knows them: which are here, what one would cost, what arrives, and whether a run fits. */
export class Models {
  /** What is here; undefined until the lab has been asked. */
  list = $state.raw<readonly ModelView[]>();
  storage = $state.raw<StorageView>();
  /** The repository that was looked up last. */
  offer = $state.raw<ModelOffer>();
  /** The download that was seen last; it stays when it has ended. */
  download = $state.raw<DownloadView>();
  /** Names of its files that are finished, in this visit. */
  finished = $state.raw<readonly string[]>([]);
  plan = $state.raw<PlanView>();
  /** Largest relative error of int8 weights (RMS, per tensor) in the run that is open. */
  int8Error = $state<number>();
  /** Address of another hub; empty for the usual one. */
  hub = $state(load<string>(STORED_HUB) ?? '');
  readonly requests = new Requests();

  private planned: Configuration | undefined;
  private pausing = false;
  private whenListed: (() => void)[] = [];

  readonly isDownloading = $derived(this.requests.isWaiting('downloadModel'));

  constructor(private readonly session: Session) {
    session.listen((event) => this.hear(event));
  }

  /** Asks what is here; `then` runs when the lab has said. */
  refresh(then?: () => void): void {
    if (then) this.whenListed.push(then);
    this.requests.begin('listModels');
    this.session.send({ type: 'listModels' });
  }

  isHere(name: string): boolean {
    return this.list?.some((model) => model.state !== 'partial' && isNamed(model, name)) ?? false;
  }

  /** Whether a run of this configuration finds its checkpoints here. */
  hasBasesOf({ base, checkpoint, retrieverCheckpoint }: Configuration): boolean {
    if (base === 'scratch') return true;
    return this.isHere(checkpoint) && (retrieverCheckpoint === '' || this.isHere(retrieverCheckpoint));
  }

  chooseHub(address: string): void {
    this.hub = address.trim();
    save(STORED_HUB, this.hub);
  }

  lookUp(id: string): void {
    this.offer = undefined;
    this.requests.begin('describeModel');
    this.session.send({ type: 'describeModel', id, ...this.where() });
  }

  /** Downloads, or goes on with what is here in part. */
  fetch(id: string): void {
    this.pausing = false;
    this.finished = [];
    this.download = undefined;
    this.requests.begin('downloadModel');
    askToKeep();
    this.session.send({ type: 'downloadModel', id, ...this.where() });
  }

  pause(): void {
    this.pausing = true;
    this.session.send({ type: 'pauseDownload' });
  }

  remove(id: string): void {
    this.requests.begin('deleteModel');
    this.session.send({ type: 'deleteModel', id });
  }

  /** Opens files of the reader's own as a model; `keep` copies them into this browser's storage. */
  openFolder(name: string, files: readonly PathFile[], keep: boolean): void {
    if (keep) askToKeep();
    this.requests.begin('openFolder');
    this.session.send({ type: 'openFolder', name, files, keep });
  }

  /** Asks what a configuration needs of the GPU's memory; only the answer to the last question counts. */
  measure(configuration: Configuration): void {
    this.planned = configuration;
    this.requests.begin('plan');
    this.session.send({ type: 'plan', configuration });
  }

  private where(): { readonly hub?: string } {
    return this.hub === '' ? {} : { hub: this.hub };
  }

  private hear(event: LabEvent): void {
    this.requests.hear(event);
    switch (event.type) {
      case 'models':
        this.list = event.models;
        this.storage = event.storage;
        this.requests.end(
          'listModels',
          'deleteModel',
          'openFolder',
          ...(this.pausing ? (['downloadModel'] as const) : []),
        );
        this.whenListed.splice(0).forEach((then) => then());
        break;
      case 'offer':
        this.offer = event.offer;
        this.requests.end('describeModel');
        break;
      case 'download':
        this.arrive(event.download);
        break;
      case 'plan':
        if (!this.planned || changedSettings(event.plan.configuration, this.planned).length > 0) break;
        this.plan = event.plan;
        this.requests.end('plan');
        break;
      case 'quantised':
        this.int8Error = event.worstError;
        break;
      default:
        break;
    }
  }

  private arrive(download: DownloadView): void {
    const before = this.download;
    if (before && before.id === download.id && before.file !== download.file && before.file !== '') {
      this.finished = [...this.finished.filter((name) => name !== before.file), before.file];
    }
    this.download = download;
    if (ENDED.includes(download.state)) this.requests.end('downloadModel');
  }
}

/**
 * Asks the browser not to clear what is stored here when the disk gets full. Some ask the reader in turn, which needs a press
 * just before, and workers may not ask. A refusal stops nothing: the list of models says what holds.
 */
function askToKeep(): void {
  const storage = navigator.storage as Partial<StorageManager> | undefined;
  storage?.persist?.().catch(() => undefined);
}
