import type { GGUFParseOutput, GGUFTypedMetadata } from '@huggingface/gguf';
import { byteText } from '../byteText.ts';
import type { ByteSource } from '../byteSource.ts';
import { GgufError } from './ggufError.ts';
import { sniff } from '../sniff.ts';
import { typedMetadataBytes } from './metadataBytes.ts';

/** A tensor as the header lists it: lengths as they are stored, the shortest stride first; `offset` from the start of the data. */
export interface ListedTensor {
  readonly name: string;
  /** ggml's name of its type, or its number where this version of the library has no name for it. */
  readonly type: string;
  readonly lengths: readonly bigint[];
  readonly offset: bigint;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly ListedTensor[];
  /** Bytes before the padding in front of the data. */
  readonly bytes: number;
}

const MAGIC = 0x46554747;
/** Magic, version, number of tensors, number of entries. */
const FIRST_BYTES = 24;
/** The shortest tensor entry (no name, no lengths) and the shortest metadata entry (no key, one byte). */
const LEAST_TENSOR_BYTES = 24;
const LEAST_ENTRY_BYTES = 13;
/** A header is mostly its vocabulary: the largest there are, of a quarter of a million tokens, have some 12 MB. */
const MOST_HEADER_BYTES = 32 * 2 ** 20;
/** What the library reads at a time: it joins such pieces, and takes text across a seam for what lies before it. */
const PIECE_BYTES = 2_000_000;

/**
 * Reads the header of a GGUF file, and nothing behind it but the rest of a piece. The library (@huggingface/gguf) parses; what it
 * may read is bounded here, since it fills up what is missing with zeros and takes counts at their word.
 * @throws GgufError for a file that is no GGUF, is cut short, or claims what it cannot hold.
 */
export async function readHeader(source: ByteSource): Promise<GgufHeader> {
  await checkFirstBytes(source);
  const { gguf, GGMLQuantizationType } = await import('@huggingface/gguf');
  const parsed = await orUnreadable(source, () =>
    gguf('https://file.invalid/model.gguf', { fetch: fetchFrom(source), typedMetadata: true }),
  );
  checkParsed(source, parsed);
  const { metadata, tensorInfos, tensorInfoByteRange } = parsed;
  return {
    metadata: new Map(Object.entries(metadata)),
    tensors: tensorInfos.map(({ name, dtype, shape, offset }) => ({
      name,
      type: (GGMLQuantizationType[dtype] as string | undefined) ?? `number ${dtype}`,
      lengths: shape,
      offset,
    })),
    bytes: tensorInfoByteRange[1],
  };
}

/** Refuses what is no GGUF, and counts that the file has no room for, before anything is looped over or allocated. */
async function checkFirstBytes(source: ByteSource): Promise<void> {
  const first = await source.read(0, Math.min(FIRST_BYTES, source.size));
  const view = new DataView(first.buffer, first.byteOffset, first.length);
  if (first.length < 4 || view.getUint32(0, true) !== MAGIC)
    throw new GgufError(
      `${source.name} ${(await sniff(source)) ?? 'is not a GGUF file: it does not begin with the letters GGUF.'}`,
    );
  if (first.length < FIRST_BYTES) throw cutShort(source);
  const version = view.getUint32(4, true);
  if ((version & 0xffff) === 0)
    throw new GgufError(`${source.name} was written for big-endian machines, which is not read. Take another file.`);
  if (version !== 2 && version !== 3)
    throw new GgufError(
      `${source.name} is of GGUF version ${version}; versions 2 and 3 are read. Take a newer file of the same model.`,
    );
  const tensors = view.getBigUint64(8, true);
  const entries = view.getBigUint64(16, true);
  const needed = tensors * BigInt(LEAST_TENSOR_BYTES) + entries * BigInt(LEAST_ENTRY_BYTES);
  if (needed > BigInt(source.size))
    throw new GgufError(
      `${source.name} claims ${tensors} tensors and ${entries} entries of metadata, for which its ${byteText(source.size)} have no room: it is damaged or cut short. Download it again.`,
    );
}

function cutShort({ name }: ByteSource): GgufError {
  return new GgufError(`${name} ends in the middle of its header: it is cut short or damaged. Download it again.`);
}

/** fetch() of ranges for the library, from a file of ours. */
function fetchFrom(source: ByteSource): typeof fetch {
  return async (_url, init) => {
    const range = new Headers(init?.headers).get('Range');
    const begin = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? NaN);
    if (Number.isNaN(begin)) throw new Error(`The GGUF library asked for the range ${range}: this is a bug.`);
    if (begin >= source.size) throw cutShort(source);
    if (begin >= MOST_HEADER_BYTES)
      throw new GgufError(
        `The header of ${source.name} does not end within ${byteText(MOST_HEADER_BYTES)}, which no model's is longer than: it is damaged.`,
      );
    const end = Math.min(begin + PIECE_BYTES, source.size);
    const bytes = await source.read(begin, end);
    if (bytes.length !== end - begin) throw cutShort(source);
    return new Response(Uint8Array.from(bytes));
  };
}

/** @throws GgufError in place of what the library throws at a header that contradicts itself; other errors of ours pass. */
async function orUnreadable<T>(source: ByteSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isOfTheLibrary(cause)) throw cause;
    throw new GgufError(
      `The header of ${source.name} cannot be read (${cause.message.slice(0, 200)}): it is damaged. Download it again.`,
    );
  }
}

/** The library throws plain errors; those of files, the hub and aborts are of other types. */
function isOfTheLibrary(cause: unknown): cause is Error {
  return (
    cause instanceof Error && (cause.name === 'Error' || cause instanceof RangeError || cause instanceof TypeError)
  );
}

function checkParsed(
  source: ByteSource,
  { tensorInfoByteRange, typedMetadata }: GGUFParseOutput & { typedMetadata: GGUFTypedMetadata },
): void {
  const [metadataEnd, headerEnd] = tensorInfoByteRange;
  // Behind the end of the file the library reads zeros.
  if (headerEnd > source.size) throw cutShort(source);
  if (headerEnd > PIECE_BYTES && FIRST_BYTES + typedMetadataBytes(typedMetadata) !== metadataEnd)
    throw new GgufError(
      `The metadata of ${source.name} holds text that cannot be read without loss. Take another file of the same model.`,
    );
}
