import type { Encoder, OpenEncoderOptions } from '../../encoder/encoder.ts';
import { downloadModel } from '../../files/hub/download.ts';
import type { ByteSource, FileLookup } from '../../files/formats/byteSource.ts';
import { ModelFileError } from '../../files/formats/byteSource.ts';
import { StoreRefusedError, type FileStore } from '../../files/store/fileStore.ts';
import { HubError, pathOf, type FetchLike } from '../../files/hub/hub.ts';
import { hubFiles } from '../../files/hub/hubFiles.ts';
import { ggufFolder } from '../../files/models/gguf/ggufFolder.ts';
import { readDecoderConfig } from '../../files/models/decoderFiles.ts';
import { importFolder, localFolder } from '../../files/models/modelFolder.ts';
import { describeRepository, type RepositoryDescription } from '../../files/hub/repository.ts';
import { storageEstimate } from '../../files/store/opfs.ts';
import {
  deleteModel,
  listModels,
  openModel,
  storedDescription,
  type StoredModel,
} from '../../files/store/storedModels.ts';
import type { DecoderConfig } from '../../models/config.ts';
import { openPretrained, type Pretrained } from '../../run/pretrained.ts';
import { SettingError } from '../../settings/setting.ts';
import type { CommandOf, LabEvent } from '../door/protocol.ts';
import type { DownloadView, ModelOffer, ModelsView, ModelView, StorageView } from '../door/views.ts';
import { downloadView, hubAddress, storedView } from './modelViews.ts';

/** What a Lab has around it: a browser's storage and network, or a test's. */
export interface Surroundings {
  /** Where checkpoints are kept; undefined where nothing can be stored. */
  readonly models?: () => Promise<FileStore>;
  /** Where pretrained encoders are kept. */
  readonly encoders?: () => Promise<FileStore>;
  /** Opens an encoder: in a worker of its own, or at once. Left out, there is none. */
  readonly openEncoder?: (files: FileLookup, options: OpenEncoderOptions) => Promise<Encoder>;
  /** Where runs are kept. */
  readonly runs?: () => Promise<FileStore>;
  /** Where comparisons are kept. */
  readonly comparisons?: () => Promise<FileStore>;
  /** Where is kept which tiles are fastest here. */
  readonly tiles?: () => Promise<FileStore>;
  /** What the GPU is reached through, with its version: what was measured holds for that alone. */
  readonly host?: string;
  /** Claims the id of a comparison, as `claimRun` does that of a run. */
  readonly claimComparison?: (id: string) => Promise<boolean>;
  /** Claims the id of a run among all that share `runs`; a claim ends with the next one. Always granted where left out. */
  readonly claimRun?: (id: string) => Promise<boolean>;
  /** The time in ms, which decides when a run is saved by itself. */
  readonly now?: () => number;
  readonly fetch?: FetchLike;
  /** A checkpoint that is neither stored nor opened: the command line's folders. */
  readonly openModel?: (name: string) => Promise<Pretrained | undefined>;
}

/** What is known of a checkpoint before it is here. */
export interface Offered {
  readonly config: DecoderConfig;
  /** A GGUF file: its matrices become int8. */
  readonly isPacked: boolean;
}

/** Who asks for files, as far as their arrival concerns them. */
interface Arrival {
  readonly signal: AbortSignal;
  readonly onProgress: (download: DownloadView) => void;
}

/** Checkpoints: looks them up, downloads, stores, lists and opens them. Works beside the run and never touches it. */
export class ModelDesk {
  /** Folders opened in this visit, by name. */
  readonly #folders = new Map<string, { files: FileLookup; bytes: number }>();
  readonly #opened = new Map<string, Pretrained>();
  readonly #offers = new Map<string, Offered>();
  /** Whether files are arriving: one model at a time. */
  #isReceiving = false;
  #store: Promise<FileStore> | undefined;

  constructor(
    private readonly emit: (event: LabEvent) => void,
    private readonly surroundings: Surroundings,
  ) {}

  /** What is here: folders of this visit first, then what is stored. */
  async list(): Promise<ModelsView> {
    const store = await this.#openStore().catch(() => undefined);
    const stored = store ? (await listModels(store)).map(storedView) : [];
    const open = [...this.#folders].map(([id, { bytes }]): ModelView => ({
      id,
      state: 'open',
      bytes,
      doneBytes: bytes,
      storedAt: undefined,
    }));
    return { models: [...open, ...stored], storage: await storage(store) };
  }

  /** @throws HubError, ModelConfigError: whether it can be run at all shows before anybody pays for a download. */
  async describe({ id, hub }: CommandOf<'describeModel'>, signal: AbortSignal): Promise<ModelOffer> {
    const { fetch } = this.surroundings;
    const options = { signal, ...(fetch && { fetch }) };
    const description = await describeRepository(hubAddress(id, hub), options);
    const notices: string[] = [];
    const files = hubFiles(description, options);
    // Only one of several files can be run: which, the reader says.
    if (description.files.length === 0) return offer(id, description, undefined, notices);
    const config = await readDecoderConfig(
      description.file === undefined ? files : await ggufFolder(await opened(files, description.file)),
      (message) => notices.push(message),
    );
    this.#offers.set(id, { config, isPacked: description.file !== undefined });
    return offer(id, description, config, notices);
  }

  /**
   * Whoever has not looked a model up does so by this: nobody pays for what cannot be run.
   * @throws HubError, ModelConfigError, DownloadError, StorageFullError; what has arrived by then is kept.
   */
  async download({ id, hub }: CommandOf<'downloadModel'>, { signal, onProgress }: Arrival): Promise<void> {
    let last: DownloadView | undefined;
    const tell = (view: DownloadView): void => {
      last = view;
      onProgress(view);
    };
    await this.#receive(async () => {
      try {
        const store = await this.#openStore();
        const { fetch } = this.surroundings;
        // What is stored in part goes on as it began, without asking the hub again what it should be.
        const begun = await storedDescription(store, id);
        if (!begun && !this.#offers.has(id))
          await this.describe({ type: 'describeModel', id, ...(hub && { hub }) }, signal);
        const description =
          begun ?? (await describeRepository(hubAddress(id, hub), { signal, ...(fetch && { fetch }) }));
        if (description.files.length === 0) throw chooseFile(description);
        await downloadModel(description, store, {
          signal,
          ...(fetch && { fetch }),
          onProgress: (progress) => tell({ id, ...downloadView(progress) }),
        });
      } catch (cause) {
        if (last) tell({ ...last, state: signal.aborted ? 'paused' : 'failed' });
        throw cause;
      }
    });
  }

  async delete({ id }: CommandOf<'deleteModel'>): Promise<void> {
    if (this.#folders.delete(id)) this.#opened.delete(id);
    else {
      await deleteModel(await this.#openStore(), id);
      this.#opened.clear();
    }
    await this.#announce();
  }

  /**
   * Takes files of the reader's own as a model, copying them where they are to be kept.
   * @returns the id it is listed by: where a stored model has the name already, another.
   * @throws ModelFileError when they are no model, StorageFullError; nothing is stored then.
   */
  async openFolder(
    { name, files, keep }: CommandOf<'openFolder'>,
    { signal, onProgress }: Arrival,
  ): Promise<{ readonly id: string }> {
    const local = await localFolder(files);
    const title =
      (name || local.name || 'model')
        .replace(/[^\p{L}\p{N}._ ()-]+/gu, ' ')
        .trim()
        .slice(0, 48) || 'model';
    // Opened before it is stored: what cannot be run is not worth the room.
    const pretrained = await openPretrained(title, local.files);
    if (keep) {
      const { id } = await this.#receive(async () =>
        importFolder(await this.#openStore(), title, files, {
          signal,
          onProgress: (progress) => onProgress({ id: `local@${title}`, ...downloadView(progress) }),
        }),
      );
      return { id };
    }
    this.#folders.set(title, { files: local.files, bytes: local.totalBytes });
    this.#opened.set(title, pretrained);
    await this.#announce();
    return { id: title };
  }

  /**
   * A checkpoint by its name: an opened folder, a stored model's id, or a hub id that is stored.
   * @throws ModelFileError that says how to get it.
   */
  async open(name: string): Promise<Pretrained> {
    const known = this.#opened.get(name);
    if (known) return known;
    const pretrained =
      (await this.surroundings.openModel?.(name)) ?? (await openPretrained(name, await this.#files(name)));
    this.#opened.set(name, pretrained);
    return pretrained;
  }

  /** The checkpoint that a setting names. @throws SettingError that says how to get it. */
  async openFor(setting: string, name: string): Promise<Pretrained> {
    return this.open(name).catch((cause: unknown) => {
      throw new SettingError(setting, cause instanceof Error ? cause.message : `${name} is not in this browser yet.`);
    });
  }

  /** A checkpoint that was looked up and is not here yet. */
  offered(name: string): Offered | undefined {
    return this.#offers.get(name);
  }

  async #files(name: string): Promise<FileLookup> {
    const folder = this.#folders.get(name);
    if (folder) return folder.files;
    const store = await this.#openStore().catch((cause: unknown) => {
      if (cause instanceof StoreRefusedError) return undefined;
      throw cause;
    });
    const found =
      store && (await listModels(store)).find((model) => model.state === 'complete' && isNamed(model, name));
    if (store && found) return openModel(store, found.id);
    throw new ModelFileError(
      `${name} is not in this browser yet. Open “Model” below, look it up and download it, or drop its folder there.`,
    );
  }

  #openStore(): Promise<FileStore> {
    const { models } = this.surroundings;
    if (!models) return Promise.reject(new StoreRefusedError('This browser lets the page store nothing.'));
    // A refusal (a private window, say) may be another the next time.
    return (this.#store ??= models().catch((cause: unknown) => {
      this.#store = undefined;
      throw cause;
    }));
  }

  /** Lets files arrive, unless others are on their way, and says afterwards what is here. */
  async #receive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isReceiving) throw new ModelFileError('A download is under way. Pause it first.');
    this.#isReceiving = true;
    try {
      return await work();
    } finally {
      this.#isReceiving = false;
      await this.#announce();
    }
  }

  async #announce(): Promise<void> {
    this.emit({ type: 'models', models: await this.list() });
  }
}

function chooseFile({ repository, packed }: RepositoryDescription): HubError {
  const names = packed.map(({ name }) => name).slice(0, 12);
  return new HubError(
    'unsuitable',
    `${repository} holds ${packed.length} GGUF files, each a model by itself. Choose one of them, as ${repository}/${names[0] ?? 'file.gguf'} (there are ${names.join(', ')}).`,
  );
}

async function opened(files: FileLookup, name: string): Promise<ByteSource> {
  const found = await files(name);
  if (!found) throw new ModelFileError(`There is no ${name}.`);
  return found;
}

/** Whether `name` means this model: its id, its repository, or its repository at its revision or commit. */
function isNamed({ id, origin }: StoredModel, name: string): boolean {
  if (id === name) return true;
  if (origin?.kind !== 'hub') return origin?.name === name;
  const [path, revision] = name.split('@');
  return (
    pathOf(origin) === path && (revision === undefined || revision === origin.revision || revision === origin.commit)
  );
}

async function storage(store: FileStore | undefined): Promise<StorageView> {
  const { usage, quota } = store ? await store.estimate() : await storageEstimate();
  const manager = (globalThis.navigator as Partial<Navigator> | undefined)?.storage as
    Partial<StorageManager> | undefined;
  return { usage, quota, persisted: await manager?.persisted?.() };
}

function offer(
  id: string,
  description: RepositoryDescription,
  config: DecoderConfig | undefined,
  notices: readonly string[],
): ModelOffer {
  return {
    id,
    revision: description.commit ?? description.revision,
    bytes: description.totalBytes,
    files: description.files.map(({ name, size }) => ({ name, bytes: size })),
    shape: config && inWords(config),
    packed: description.packed.map(({ name, size }) => ({
      id: `${description.repository}/${name}`,
      name,
      bytes: size,
    })),
    notices,
  };
}

/** "24 layers of width 896, 14 query heads on 2 key/value heads, 151,936 tokens". */
function inWords({ layers, hiddenSize, heads, kvHeads, vocabularySize }: DecoderConfig): string {
  return `${layers} layers of width ${hiddenSize}, ${heads} query heads on ${kvHeads} key/value heads, ${vocabularySize.toLocaleString('en')} tokens`;
}
