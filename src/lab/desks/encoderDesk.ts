import type { Encoder } from '../../encoder/encoder.ts';
import { shapeOf } from '../../encoder/encoderFiles.ts';
import { describeEncoder, type OfferedEncoder } from '../../encoder/encoderRepository.ts';
import { MINILM } from '../../encoder/knownEncoders.ts';
import { localEncoder } from '../../encoder/localEncoder.ts';
import { ModelFileError, type FileLookup } from '../../files/formats/byteSource.ts';
import { downloadModel } from '../../files/hub/download.ts';
import { StoreRefusedError, type FileStore } from '../../files/store/fileStore.ts';
import { deleteModel, listModels, openModel } from '../../files/store/storedModels.ts';
import type { EncoderOffer, EncoderProgress, EncodersView, EncoderView } from '../door/encoderViews.ts';
import type { CommandOf, LabEvent } from '../door/protocol.ts';
import type { Surroundings } from './modelDesk.ts';
import { downloadView, hubAddress, storedView } from './modelViews.ts';

/** Who opens one, as far as its arrival concerns them. */
interface Opening {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: EncoderProgress) => void;
}

/** Pretrained encoders: looked up, downloaded, kept, and one of them open. Works beside the run and never touches it. */
export class EncoderDesk {
  #encoder: Encoder | undefined;
  #store: Promise<FileStore> | undefined;
  /** Whether one is being opened: one at a time. */
  #isOpening = false;

  constructor(
    private readonly emit: (event: LabEvent) => void,
    private readonly surroundings: Surroundings,
  ) {}

  /** What is open and what is kept. */
  async list(): Promise<EncodersView> {
    const store = await this.#openStore().catch(() => undefined);
    return {
      open: this.#encoder && viewOf(this.#encoder),
      stored: store ? (await listModels(store)).map(storedView) : [],
    };
  }

  /** What a repository would cost, and under which licence. @throws HubError */
  async describe({ id, hub }: CommandOf<'describeEncoder'>, signal: AbortSignal): Promise<EncoderOffer> {
    const { description, card, licence } = await this.#describe(id, hub, signal);
    return {
      id,
      revision: description.commit ?? description.revision,
      bytes: description.totalBytes,
      licence: licence ?? (description.repository === MINILM.id ? MINILM.licence : undefined),
      shape: shapeOf(card),
      pooling: card.pooling ?? knownPooling(description.repository),
      notices: card.notices,
    };
  }

  /**
   * Opens an encoder in the place of the one that is open, which stays where this one cannot be.
   * @throws HubError, DownloadError, StorageFullError, ModelFileError; what has arrived by then is kept
   */
  async open({ source, pooling }: CommandOf<'openEncoder'>, opening: Opening): Promise<EncoderView> {
    const { openEncoder } = this.surroundings;
    if (!openEncoder) throw new ModelFileError('Pretrained encoders cannot be opened here.');
    if (this.#isOpening) throw new ModelFileError('An encoder is being opened. Stop that first.');
    this.#isOpening = true;
    const { signal, onProgress } = opening;
    try {
      const { name, files } = await this.#found(source, opening);
      const opened = await openEncoder(files, {
        name,
        pooling: pooling ?? knownPooling(name),
        signal,
        onProgress: (detail) => onProgress({ detail }),
      });
      await this.#encoder?.close();
      this.#encoder = opened;
      return viewOf(opened);
    } finally {
      this.#isOpening = false;
      await this.#announce();
    }
  }

  /** Gives back its memory. */
  async close(): Promise<void> {
    await this.#encoder?.close();
    this.#encoder = undefined;
    await this.#announce();
  }

  async delete({ id }: CommandOf<'deleteEncoder'>): Promise<void> {
    await deleteModel(await this.#openStore(), id);
    await this.#announce();
  }

  /** The encoder that is open, if any: it teaches runs that an encoder is to teach. */
  get opened(): Encoder | undefined {
    return this.#encoder;
  }

  /** The encoder that is open. @throws ModelFileError that says how to get one */
  encoder(): Encoder {
    if (this.#encoder) return this.#encoder;
    throw new ModelFileError('No pretrained encoder is open. Open one under “Pretrained encoder” first.');
  }

  async #found(
    source: CommandOf<'openEncoder'>['source'],
    opening: Opening,
  ): Promise<{ readonly name: string; readonly files: FileLookup }> {
    if (source.from === 'files') {
      const { name, files } = localEncoder(source.files);
      return { name: source.name || name, files };
    }
    const store = await this.#openStore();
    const id = source.from === 'stored' ? source.id : await this.#download(source, store, opening);
    return { name: id.replace(/@.*/, ''), files: await openModel(store, id) };
  }

  /** @returns the id it is kept under */
  async #download(
    { id, hub }: { readonly id: string; readonly hub?: string },
    store: FileStore,
    { signal, onProgress }: Opening,
  ): Promise<string> {
    onProgress({ detail: 'Asking the hub' });
    const { description } = await this.#describe(id, hub, signal);
    const { fetch } = this.surroundings;
    const stored = await downloadModel(description, store, {
      signal,
      ...(fetch && { fetch }),
      onProgress: (progress) =>
        onProgress({ detail: `Downloading ${id}`, download: { id, ...downloadView(progress) } }),
    });
    return stored.id;
  }

  #describe(id: string, hub: string | undefined, signal: AbortSignal): Promise<OfferedEncoder> {
    const { fetch } = this.surroundings;
    return describeEncoder(hubAddress(id, hub), { signal, ...(fetch && { fetch }) });
  }

  #openStore(): Promise<FileStore> {
    const { encoders } = this.surroundings;
    if (!encoders) return Promise.reject(new StoreRefusedError('This browser lets the page store nothing.'));
    // A refusal (a private window, say) may be another the next time.
    return (this.#store ??= encoders().catch((cause: unknown) => {
      this.#store = undefined;
      throw cause;
    }));
  }

  async #announce(): Promise<void> {
    this.emit({ type: 'encoders', encoders: await this.list() });
  }
}

/** Of the one whose repository has no file on it. */
function knownPooling(repository: string) {
  return repository === MINILM.id ? MINILM.pooling : undefined;
}

function viewOf({ name, card, maxTokens }: Encoder): EncoderView {
  return {
    name,
    shape: `${shapeOf(card)}, ${card.pooling ?? ''} of at most ${maxTokens} tokens`,
    maxTokens,
    notices: card.notices,
  };
}
