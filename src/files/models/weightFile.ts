import { fromBf16, fromF16 } from '../../ops/core/halfPrecision.ts';
import { shown } from '../../models/config.ts';
import { ModelFileError, readJson, type ByteSource, type FileLookup } from '../formats/byteSource.ts';
import { verifySeal } from '../formats/checksum.ts';
import { sniff } from '../formats/sniff.ts';
import {
  headerLength,
  parseHeader,
  SafetensorsError,
  type SafetensorsHeader,
  type StoredTensor,
} from '../formats/safetensors.ts';

/** Tensors of a checkpoint, over all its files. */
export interface WeightFile {
  readonly names: readonly string[];
  get(name: string): StoredTensor | undefined;
  /** Raw bytes of a stretch of a tensor, in its own number format; `begin` and `end` count bytes within the tensor. */
  readBytes(name: string, begin?: number, end?: number): Promise<Uint8Array>;
  /** A whole tensor as f32. */
  readFloats(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** Of all its files. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Compares each file with the checksum in it, where there is one. @throws SafetensorsError when it was changed. */
  verify(): Promise<void>;
}

interface Opened {
  readonly source: ByteSource;
  readonly header: SafetensorsHeader;
}

/** Opens `model.safetensors`, or the shards listed in `model.safetensors.index.json`. Reads headers only. */
export async function openWeights(files: FileLookup, stem = 'model'): Promise<WeightFile> {
  const single = await files(`${stem}.safetensors`);
  if (single) return weightFile([await openFile(single)]);
  const indexName = `${stem}.safetensors.index.json`;
  if (!(await files(indexName)))
    throw new ModelFileError(`The folder has neither ${stem}.safetensors nor ${indexName}.`);
  const index = await readJson(files, indexName);
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) throw new ModelFileError(`${indexName} has no weight_map.`);
  const opened: Opened[] = [];
  for (const shard of new Set(Object.values(map as Record<string, unknown>))) {
    if (typeof shard !== 'string') throw new ModelFileError(`${indexName} names a file that is no text.`);
    // A lookup may join the name to a folder: it must not lead out of it.
    if (/[/\\]|^\.{0,2}$/.test(shard))
      throw new ModelFileError(`${indexName} names ${shown(shard)}, which is no file of the same folder.`);
    const source = await files(shard);
    if (!source) throw new ModelFileError(`${indexName} names ${shown(shard)}, which is not there.`);
    opened.push(await openFile(source));
  }
  const file = weightFile(opened);
  for (const name of Object.keys(map))
    if (!file.get(name)) throw new SafetensorsError(`${indexName} promises tensor ${name}, but no file holds it.`);
  return file;
}

async function openFile(source: ByteSource): Promise<Opened> {
  try {
    const length = headerLength(await source.read(0, Math.min(8, source.size)), source.size);
    return { source, header: parseHeader(await source.read(8, 8 + length), source.size) };
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    const mistaken = await sniff(source);
    if (mistaken !== undefined) throw new SafetensorsError(`${source.name} ${mistaken}`);
    // Of several shards, the reader must learn which one to fetch again.
    throw new SafetensorsError(`${source.name}: ${cause.message}`);
  }
}

function weightFile(opened: readonly Opened[]): WeightFile {
  const tensors = new Map(
    opened.flatMap(({ source, header }) => [...header.tensors].map(([name, stored]) => [name, { source, stored }])),
  );
  const find = (name: string) => {
    const found = tensors.get(name);
    if (!found) throw new SafetensorsError(`The checkpoint has no tensor ${name}.`);
    return found;
  };
  const readBytes = async (name: string, begin = 0, end?: number): Promise<Uint8Array> => {
    const { source, stored } = find(name);
    const until = end === undefined ? stored.end : stored.begin + end;
    const bytes = await source.read(stored.begin + begin, until);
    if (bytes.length !== until - stored.begin - begin)
      throw new SafetensorsError(`${source.name} ended in the middle of tensor ${name}: the file is cut short.`);
    return bytes;
  };
  return {
    names: [...tensors.keys()],
    get: (name) => tensors.get(name)?.stored,
    readBytes,
    metadata: Object.fromEntries(opened.flatMap(({ header }) => Object.entries(header.metadata))),
    verify: async () => {
      for (const { source, header } of opened) await verifySeal(source, header);
    },
    readFloats: async (name) => toFloats(name, find(name).stored.dtype, await readBytes(name)),
  };
}

/** Bytes of one number. @throws SafetensorsError for a format that holds no weights. */
export function storedBytes(name: string, dtype: string): 2 | 4 {
  if (dtype === 'F32') return 4;
  if (dtype === 'BF16' || dtype === 'F16') return 2;
  throw new SafetensorsError(`Tensor ${name} is stored as ${dtype}; weights are read from F32, F16 and BF16.`);
}

/** Numbers of a stored format as f32. @throws SafetensorsError for a format that holds no weights. */
export function toFloats(name: string, dtype: string, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const size = storedBytes(name, dtype);
  // A copy of its own, so that the numbers start at a multiple of their size.
  const aligned = bytes.slice().buffer;
  if (size === 4) return new Float32Array(aligned);
  return (dtype === 'BF16' ? fromBf16 : fromF16)(new Uint16Array(aligned));
}
