import { quoted } from '../../../base/quote.ts';
import type { ByteSource } from '../../formats/byteSource.ts';
import { openGguf, type GgufFile } from '../../formats/gguf/gguf.ts';
import { GgufError } from '../../formats/gguf/ggufError.ts';
import type { StoredTensor } from '../../formats/safetensors.ts';
import { formatBytes, numberFormat } from '../numberFormat.ts';
import type { WeightFile } from '../weights.ts';
import { ggufShape } from './ggufShape.ts';
import { checkpointName, isRotated, ROTARY_FACTORS } from './tensorNames.ts';

interface Found {
  readonly stored: StoredTensor;
  /** Rows of a head, where they are interleaved in the file. */
  readonly headRows: number | undefined;
}

/**
 * The tensors of a GGUF file under the names, and with their rows in the order, that transformers gives them.
 * @throws GgufError for a file that cannot be run.
 */
export async function openGgufWeights(source: ByteSource): Promise<WeightFile> {
  const file = await openGguf(source);
  const tensors = namedTensors(file);
  const find = (name: string): Found => {
    const found = tensors.get(name);
    if (!found) throw new GgufError(`${source.name} has no tensor ${name}.`);
    return found;
  };
  const readBytes = async (name: string, begin = 0, end?: number): Promise<Uint8Array> => {
    const { stored, headRows } = find(name);
    const until = end ?? stored.end - stored.begin;
    return headRows === undefined
      ? readWhole(source, stored, begin, until)
      : readRows(source, stored, headRows, begin, until);
  };
  return {
    names: [...tensors.keys()],
    get: (name) => tensors.get(name)?.stored,
    readBytes,
    metadata: {},
    verify: () => Promise.resolve(),
    readFloats: async (name) => numberFormat(name, find(name).stored.dtype).toFloats(await readBytes(name)),
  };
}

/** @throws GgufError for a tensor that none of the models that can be run has: with it the file is another kind of model. */
export function namedTensors(file: GgufFile): ReadonlyMap<string, Found> {
  const { architecture, headDim } = ggufShape(file);
  const tensors = new Map<string, Found>();
  for (const stored of file.tensors.values()) {
    if (stored.name === ROTARY_FACTORS) continue;
    const name = checkpointName(stored.name);
    if (name === undefined)
      throw new GgufError(
        `${file.source.name} holds a tensor ${quoted(stored.name)}, which the models that can be run do not have. Take another model.`,
      );
    const isInterleaved = architecture.interleavedHeads && isRotated(name);
    if (isInterleaved && (stored.shape[0] ?? 0) % headDim !== 0)
      throw new GgufError(`${file.source.name}: the rows of ${stored.name} are no whole heads of ${headDim}.`);
    tensors.set(name, { stored: { ...stored, name }, headRows: isInterleaved ? headDim : undefined });
  }
  return tensors;
}

async function readWhole(source: ByteSource, { name, begin }: StoredTensor, from: number, to: number) {
  const bytes = await source.read(begin + from, begin + to);
  if (bytes.length !== to - from)
    throw new GgufError(`${source.name} ended in the middle of tensor ${name}: the file is cut short.`);
  return bytes;
}

/**
 * Bytes [from, to) of a tensor whose heads are interleaved: row i of the first half of a head lies at 2i of that head in the file,
 * row i of the second half at 2i + 1. The heads around the bytes are read, and the rows picked out of them.
 */
async function readRows(source: ByteSource, stored: StoredTensor, headRows: number, from: number, to: number) {
  const rowBytes = formatBytes(numberFormat(stored.name, stored.dtype), stored.shape[1] ?? 1);
  const headBytes = headRows * rowBytes;
  const first = Math.floor(from / headBytes) * headBytes;
  const heads = await readWhole(source, stored, first, Math.ceil(to / headBytes) * headBytes);
  const [firstRow, endRow] = [Math.floor((from - first) / rowBytes), Math.ceil((to - first) / rowBytes)];
  const rows = new Uint8Array((endRow - firstRow) * rowBytes);
  for (let row = firstRow; row < endRow; row++) {
    const inHead = row % headRows;
    const half = headRows / 2;
    const there = row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
    rows.set(heads.subarray(there * rowBytes, (there + 1) * rowBytes), (row - firstRow) * rowBytes);
  }
  const skipped = from - first - firstRow * rowBytes;
  return rows.subarray(skipped, skipped + to - from);
}
