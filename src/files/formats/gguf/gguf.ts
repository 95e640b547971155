import { quoted } from '../../../base/quote.ts';
import { listed } from '../../../base/lists.ts';
import type { ByteSource } from '../byteSource.ts';
import type { StoredTensor } from '../safetensors.ts';
import { blockType, BLOCK_TYPE_NAMES } from './blockTypes.ts';
import { GgufError } from './ggufError.ts';
import { readHeader, type GgufHeader, type ListedTensor } from './header.ts';
import { GgufMetadata } from './metadata.ts';

/** An opened GGUF file: its header, every tensor checked to lie inside it. */
export interface GgufFile {
  readonly source: ByteSource;
  readonly metadata: GgufMetadata;
  /** By the file's own names. Shapes are [rows, columns], or [length]; types are ggml's names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Bytes of a number, of the types without blocks. */
const PLAIN: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };
const DEFAULT_ALIGNMENT = 32;
/** More than any model has. */
const LARGEST_ALIGNMENT = 2 ** 20;

const opened = new WeakMap<ByteSource, Promise<GgufFile>>();

/**
 * Opens a GGUF file by its header; once for each source, however often it is asked.
 * @throws GgufError for what is no GGUF, is damaged, or holds numbers of a type that is not read.
 */
export function openGguf(source: ByteSource): Promise<GgufFile> {
  const before = opened.get(source);
  if (before) return before;
  const file = readHeader(source).then((header) => checkedFile(source, header));
  opened.set(source, file);
  // A connection may be better the next time.
  file.catch(() => opened.delete(source));
  return file;
}

/** A file by its header. @throws GgufError where the header says what cannot be, or what is not read. */
export function checkedFile(source: ByteSource, header: GgufHeader): GgufFile {
  const metadata = new GgufMetadata(source.name, header.metadata);
  const parts = metadata.count('split.count') ?? 1;
  if (parts > 1)
    throw new GgufError(
      `${source.name} is one of ${parts} parts of a model, which are not read together. Take a model in one file.`,
    );
  const alignment = metadata.count('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (alignment < 1 || alignment > LARGEST_ALIGNMENT || (alignment & (alignment - 1)) !== 0)
    throw new GgufError(`${source.name}: general.alignment should be a power of two, not ${alignment}.`);
  const dataOffset = alignment * Math.ceil(header.bytes / alignment);
  const tensors = new Map<string, StoredTensor>();
  for (const listed of header.tensors) {
    if (tensors.has(listed.name))
      throw new GgufError(`${source.name} lists ${quoted(listed.name)} twice: it is damaged.`);
    tensors.set(listed.name, place(source, listed, dataOffset, alignment));
  }
  checkOverlap(source, tensors);
  return { source, metadata, tensors };
}

function place(
  { name: file, size }: ByteSource,
  listed: ListedTensor,
  dataOffset: number,
  alignment: number,
): StoredTensor {
  const { type, lengths } = listed;
  const name = listed.name.slice(0, 200);
  const fail = (detail: string): never => {
    throw new GgufError(`${file}: tensor ${quoted(name)} ${detail}`);
  };
  const shape = lengths.map(Number).reverse();
  if (shape.length < 1 || shape.length > 2)
    return fail(`has ${shape.length} dimensions; those of the models that can be run have one or two.`);
  const block = blockType(type) ?? (PLAIN[type] === undefined ? undefined : { numbers: 1, bytes: PLAIN[type] });
  if (!block) return fail(`holds numbers of the type ${type}, which is not read. ${instead()}`);
  const columns = shape.at(-1) ?? 0;
  if (columns % block.numbers !== 0)
    return fail(
      `has rows of ${columns} numbers, which are no whole blocks of ${type} (${block.numbers} numbers each).`,
    );
  const bytes = shape.reduce((product, length) => product * length, block.bytes / block.numbers);
  const begin = dataOffset + Number(listed.offset);
  if (
    !Number.isSafeInteger(bytes) ||
    bytes === 0 ||
    !Number.isSafeInteger(begin) ||
    Number(listed.offset) % alignment !== 0
  )
    return fail(`has an impossible shape or place ([${shape.join(', ')}], from byte ${begin}): the file is damaged.`);
  if (begin + bytes > size)
    return fail(`ends at byte ${begin + bytes}, but the file has ${size}: it is cut short. Download it again.`);
  return { name: listed.name, dtype: type, shape, begin, end: begin + bytes };
}

/** What to take where a type is not read. */
function instead(): string {
  const names = listed(BLOCK_TYPE_NAMES);
  return `Take a file of the same model in F16, BF16, Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_1 or Q4_0 (${names} are read, besides F32, F16 and BF16).`;
}

function checkOverlap({ name }: ByteSource, tensors: ReadonlyMap<string, StoredTensor>): void {
  const sorted = [...tensors.values()].sort((a, b) => a.begin - b.begin);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1], sorted[i]];
    if (before && after && after.begin < before.end)
      throw new GgufError(
        `${name}: two of its tensors lie over each other (${before.name.slice(0, 100)} and ${after.name.slice(0, 100)}): the file is damaged.`,
      );
  }
}
