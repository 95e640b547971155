import { pacer } from '../../corpus/pacer.ts';
import type { ByteSource } from '../../files/formats/byteSource.ts';
import { byteText } from '../../files/formats/byteText.ts';
import type { LineProblems } from '../errors.ts';

/** Bytes that are read at once: a file of any length needs no more memory than this and its longest line. */
const PIECE = 1 << 20;
/** A line that is longer is no document of a collection. */
const MOST_LINE_BYTES = 8 * PIECE;
const NEWLINE = 10;

export interface LineOptions {
  readonly signal?: AbortSignal | undefined;
  /** Share of the file that is read, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Reads a file of UTF-8 line by line, without the ends of the lines. Lines that are blank are passed over but counted; those that
 * are no UTF-8 or too long are problems. @param take is given each line and its number, from 1; it says `false` when it has enough.
 * @throws CorpusError `aborted`
 */
export async function readLines(
  source: ByteSource,
  take: (text: string, line: number) => boolean | void,
  problems: LineProblems,
  { signal, onProgress }: LineOptions = {},
): Promise<void> {
  const pause = pacer(signal, 'Reading the collection');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 0;
  /** What of an unfinished line was read; once it is too long only its length. */
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (bytes: Uint8Array): void => {
    heldBytes += bytes.length;
    if (heldBytes > MOST_LINE_BYTES) held = [];
    else if (bytes.length > 0) held.push(bytes);
  };
  const finish = (): boolean => {
    line++;
    const bytes = joined(held, heldBytes);
    const length = heldBytes;
    held = [];
    heldBytes = 0;
    if (length > MOST_LINE_BYTES) {
      problems.add(source.name, line, `it has ${byteText(length)}; at most ${byteText(MOST_LINE_BYTES)} are read.`);
      return true;
    }
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      problems.add(source.name, line, 'it is not in UTF-8.');
      return true;
    }
    const content = text.endsWith('\r') ? text.slice(0, -1) : text;
    return content.trim() === '' || take(content, line) !== false;
  };
  for (let at = 0; at < source.size; at += PIECE) {
    const bytes = await source.read(at, Math.min(source.size, at + PIECE));
    let begin = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, begin)) {
      hold(bytes.subarray(begin, end));
      if (!finish()) return;
      begin = end + 1;
    }
    hold(bytes.slice(begin));
    onProgress?.(Math.min(1, (at + PIECE) / source.size));
    await pause();
  }
  if (heldBytes > 0) finish();
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0] ?? new Uint8Array();
  const whole = new Uint8Array(pieces.length === 0 ? 0 : length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
