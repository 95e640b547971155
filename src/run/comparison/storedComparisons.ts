import type { GivenText } from '../../corpus/given.ts';
import type { LabelledCollection } from '../../evaluation/collections/collection.ts';
import {
  freeBytes,
  isQuotaError,
  readJsonFile,
  StorageFullError,
  StoreRefusedError,
  writeJsonFile,
  type FileStore,
} from '../../files/store/fileStore.ts';
import { ComparisonError } from './definition.ts';
import type { ComparisonStore } from './state.ts';

/** What a comparison was begun with: written first, and never again. */
export interface ComparisonRequest {
  /** As its file has it. */
  readonly definition: unknown;
  readonly text?: GivenText | undefined;
  readonly title?: string | undefined;
  /** ms since 1970. */
  readonly begun: number;
}

const REQUEST = 'request.json';
/** What judges it, where that is the reader's own. */
const COLLECTION = 'collection.json';
/** Stands at the end of what was written to its end, with the length of what is before it. */
const SEAL = 0x656c6f68;
const SEAL_BYTES = 12;
const GENERATION = /^(.+)~(\d+)$/;

/** Comparisons in a browser's storage: a folder each, with what it was begun with and what it keeps itself. */
export class StoredComparisons {
  #store: Promise<FileStore> | undefined;

  constructor(private readonly open: (() => Promise<FileStore>) | undefined) {}

  /** Ids, the newest first; none where nothing can be stored. */
  async ids(): Promise<string[]> {
    const store = await this.#ready().catch(() => undefined);
    return store ? (await store.folders()).sort().reverse() : [];
  }

  /**
   * Begins one. @param collection what judges it, where that is nowhere else once the page is gone
   * @returns its id. @throws StorageFullError, StoreRefusedError
   */
  async begin(request: ComparisonRequest, collection?: LabelledCollection): Promise<string> {
    const store = await this.#ready();
    const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const id = `comparison-${request.begun}-${random.toString(16)}`;
    try {
      if (collection) await writeJsonFile(store, id, COLLECTION, plainOf(collection));
      // Last: with it, the comparison is there.
      await writeJsonFile(store, id, REQUEST, request);
    } catch (cause) {
      await store.deleteFolder(id).catch(() => undefined);
      throw isQuotaError(cause) ? full(0, undefined, cause) : cause;
    }
    return id;
  }

  /** @throws ComparisonError where there is none, or it is damaged */
  async request(id: string): Promise<ComparisonRequest> {
    const found = (await readJsonFile(await this.#ready(), id, REQUEST)) as Partial<ComparisonRequest> | undefined;
    if (found?.definition === undefined || typeof found.begun !== 'number')
      throw new ComparisonError(
        'This comparison is not in the browser’s storage any more, or damaged: another tab may have deleted it.',
      );
    return found as ComparisonRequest;
  }

  /** What judges it, where that was kept with it. @throws ComparisonError where it is damaged */
  async collection(id: string): Promise<LabelledCollection | undefined> {
    const store = await this.#ready();
    const found = (await readJsonFile(store, id, COLLECTION)) as PlainCollection | undefined;
    if (found) return collectionOf(found);
    if (!(await store.files(id)).some(({ name }) => name === COLLECTION)) return undefined;
    throw new ComparisonError('The collection that judges this comparison is damaged in the browser’s storage.');
  }

  /** Where it keeps itself. What is written takes the place of what was there only once it is there to its end. */
  async storeOf(id: string): Promise<ComparisonStore> {
    const store = await this.#ready();
    const generations = async (name: string): Promise<{ readonly file: string; readonly number: number }[]> =>
      (await store.files(id))
        .flatMap(({ name: file }) => {
          const [, of, number] = GENERATION.exec(file) ?? [];
          return of === name ? [{ file, number: Number(number) }] : [];
        })
        .sort((a, b) => b.number - a.number);
    return {
      async read(name) {
        for (const { file } of await generations(name)) {
          const source = await store.open(id, file);
          const bytes = source && unsealed(new Uint8Array(await source.read(0, source.size)));
          if (bytes) return bytes;
        }
        return undefined;
      },
      async write(name, pieces) {
        const before = await generations(name);
        const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const free = freeBytes(await store.estimate());
        if (free !== undefined && length + SEAL_BYTES > free) throw full(length, free);
        const file = `${name}~${(before[0]?.number ?? 0) + 1}`;
        try {
          const writer = await store.writer(id, file, 0);
          try {
            for (const piece of pieces) await writer.write(piece);
            await writer.write(sealOf(length));
          } finally {
            await writer.close();
          }
        } catch (cause) {
          await store.deleteFile(id, file).catch(() => undefined);
          throw isQuotaError(cause) ? full(length, undefined, cause) : cause;
        }
        for (const old of before) await store.deleteFile(id, old.file);
      },
      async remove(name) {
        for (const { file } of await generations(name)) await store.deleteFile(id, file);
      },
    };
  }

  async delete(id: string): Promise<void> {
    const store = await this.#ready();
    await store.deleteFile(id, REQUEST);
    await store.deleteFolder(id);
  }

  #ready(): Promise<FileStore> {
    if (!this.open)
      return Promise.reject(
        new StoreRefusedError('Nothing can be stored here, and a comparison keeps itself as it goes.'),
      );
    return (this.#store ??= this.open().catch((cause: unknown) => {
      this.#store = undefined;
      throw cause;
    }));
  }
}

/** A collection as JSON has it. */
type PlainCollection = Omit<LabelledCollection, 'qrels'> & {
  readonly qrels: readonly (readonly [string, readonly (readonly [string, number])[]])[];
};

function plainOf(collection: LabelledCollection): PlainCollection {
  return { ...collection, qrels: [...collection.qrels].map(([query, labels]) => [query, [...labels]]) };
}

function collectionOf(plain: PlainCollection): LabelledCollection {
  return { ...plain, qrels: new Map(plain.qrels.map(([query, labels]) => [query, new Map(labels)])) };
}

function sealOf(length: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(SEAL_BYTES));
  view.setUint32(0, SEAL);
  view.setFloat64(4, length);
  return new Uint8Array(view.buffer);
}

/** Undefined for what was cut off. */
function unsealed(bytes: Uint8Array): Uint8Array | undefined {
  const length = bytes.length - SEAL_BYTES;
  if (length < 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + length);
  return view.getUint32(0) === SEAL && view.getFloat64(4) === length ? bytes.subarray(0, length) : undefined;
}

function full(bytes: number, free: number | undefined, cause?: unknown): StorageFullError {
  return new StorageFullError(
    'This comparison',
    bytes,
    free,
    'Delete kept runs, models or comparisons; it can then go on from where it was kept last.',
    { cause },
  );
}
