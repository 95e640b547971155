import type { LabEvent } from '../../../lab/door/protocol.ts';
import type {
  DownloadView,
  ModelOffer,
  ModelsView,
  ModelView,
  PlanView,
  StorageView,
} from '../../../lab/door/views.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { load, save } from '../../state/storage.ts';
import { isNamed, settingName } from './names.ts';

const STORED_HUB = 'hub';

/** Checkpoints as the page knows them: which are here, what one would cost, what arrives, and whether a run fits. */
export class Models {
  /** What is here; undefined until the lab has been asked. */
  list = $state.raw<readonly ModelView[]>();
  storage = $state.raw<StorageView>();
  /** The repository that was looked up last. */
  offer = $state.raw<ModelOffer>();
  /** What arrives, or arrived last: a download or a folder that is copied; it stays when it has ended. */
  download = $state.raw<DownloadView>();
  /** Names of its files that are finished, in this visit. */
  finished = $state.raw<readonly string[]>([]);
  plan = $state.raw<PlanView>();
  /** Largest relative error of int8 weights (RMS, per tensor) in the run that is open. */
  int8Error = $state<number>();
  /** Address of another hub; empty for the usual one. */
  hub = $state(load<string>(STORED_HUB) ?? '');
  readonly requests: Requests;

  readonly isDownloading = $derived.by(() => this.requests.isWaiting('downloadModel'));

  private refreshing: Promise<void> | undefined;

  constructor(session: Session) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /** Asks what is here; who asks while that is being asked waits for the same answer. */
  refresh(): Promise<void> {
    this.refreshing ??= this.requests
      .ask({ type: 'listModels' })
      .then((models) => models && this.take(models))
      // However it ends, who asks next asks anew.
      .finally(() => (this.refreshing = undefined));
    return this.refreshing;
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

  /** Asks the hub what a repository holds; what was looked up before is off the page. */
  async lookUp(id: string): Promise<void> {
    this.offer = undefined;
    const offer = await this.requests.askAnew({ type: 'describeModel', id, ...this.where() });
    if (offer) this.offer = offer;
  }

  /** Downloads, or goes on with what is here in part. */
  async fetch(id: string): Promise<void> {
    this.finished = [];
    this.download = undefined;
    askToKeep();
    await this.requests.ask(
      { type: 'downloadModel', id, ...this.where() },
      { onProgress: (download) => this.arrive(download) },
    );
  }

  /** Pauses the download; what has arrived is kept. */
  pause(): void {
    this.requests.stop('downloadModel');
  }

  async remove(id: string): Promise<void> {
    await this.requests.ask({ type: 'deleteModel', id });
  }

  /**
   * Opens files of the reader's own as a model; `keep` copies them into this browser's storage.
   * @returns the name by which the settings mean it, which another of that name may have changed; undefined when it is not
   * opened.
   */
  async openFolder(name: string, files: readonly PathFile[], keep: boolean): Promise<string | undefined> {
    if (keep) askToKeep();
    const opened = await this.requests.ask(
      { type: 'openFolder', name, files, keep },
      { onProgress: (download) => this.arrive(download) },
    );
    const model = this.list?.find(({ id }) => id === opened?.id);
    return model ? settingName(model, this.list ?? []) : opened?.id;
  }

  /** Asks what a configuration needs of the GPU's memory; only the answer to the last question counts. */
  async measure(configuration: Configuration): Promise<void> {
    const plan = await this.requests.askAnew({ type: 'plan', configuration });
    if (plan) this.plan = plan;
  }

  private where(): { readonly hub?: string } {
    return this.hub === '' ? {} : { hub: this.hub };
  }

  private hear(event: LabEvent): void {
    if (event.type === 'models') this.take(event.models);
    else if (event.type === 'quantised') this.int8Error = event.worstError;
  }

  private take({ models, storage }: ModelsView): void {
    this.list = models;
    this.storage = storage;
  }

  private arrive(download: DownloadView): void {
    const before = this.download;
    if (before && before.id === download.id && before.file !== download.file && before.file !== '') {
      this.finished = [...this.finished.filter((name) => name !== before.file), before.file];
    }
    this.download = download;
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
