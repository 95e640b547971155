import type { DType } from '../../ops/core/tensor.ts';
import { shown } from '../../models/config.ts';
import { ModelFileError, readJson, type ByteSource, type FileLookup } from '../formats/byteSource.ts';
import { verifySeal } from '../formats/checksum.ts';
import { sniff } from '../formats/sniff.ts';
import { headerLength, parseHeader, SafetensorsError, type SafetensorsHeader } from '../formats/safetensors.ts';
import { openGgufWeights } from './gguf/ggufWeights.ts';
import { GGUF_WEIGHTS } from './modelFiles.ts';
import { knownFormat, numberFormat } from './numberFormat.ts';
import type { WeightFile } from './weights.ts';

export type { WeightFile };

interface Opened {
  readonly source: ByteSource;
  readonly header: SafetensorsHeader;
}

/**
 * Opens `model.safetensors`, or the shards listed in `model.safetensors.index.json`, or `model.gguf` (ggufFolder.ts). Reads headers
 * only.
 */
export async function openWeights(files: FileLookup, stem = 'model'): Promise<WeightFile> {
  const single = await files(`${stem}.safetensors`);
  if (single) return weightFile([await openFile(single)]);
  const packed = stem === 'model' ? await files(GGUF_WEIGHTS) : undefined;
  if (packed) return openGgufWeights(packed);
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
    readFloats: async (name) => numberFormat(name, find(name).stored.dtype).toFloats(await readBytes(name)),
  };
}

/**
 * How frozen matrices of a checkpoint lie on the GPU unless the settings say otherwise: as they are stored where all are of one
 * format, as f32 where formats are mixed, since a merged tensor has one, and as int8 where any are packed in blocks.
 */
export function storedFormat(checkpoint: WeightFile): DType {
  const matrices = checkpoint.names.map((name) => checkpoint.get(name)).filter((tensor) => tensor?.shape.length === 2);
  const formats = matrices.map((tensor) => knownFormat(tensor?.dtype ?? ''));
  if (formats.some((format) => format && format.blockNumbers > 1)) return 'i8';
  const [only, ...others] = new Set(formats.map((format) => format?.dtype));
  return others.length === 0 ? (only ?? 'f32') : 'f32';
}
