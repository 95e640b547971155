import { CorpusError } from '../../errors.ts';
import type { ReadFile } from './reader.ts';

/** Bytes that are looked at to see whether every second one is empty. */
const LOOKED_AT = 4096;
/** From this share of empty bytes at one parity, and as good as none at the other, a file is UTF-16 without a mark. */
const WIDE_SHARE = 0.3;
const NARROW_SHARE = 0.02;
/** A file in which more than this share of the bytes are controls is no text. */
const BINARY_SHARE = 0.01;

/**
 * Bytes → text: UTF-8; UTF-16 by its mark or its empty bytes; else, where bytes are no UTF-8, Windows-1252 (of which Latin-1 is the
 * larger part), with a note. A file that is UTF-8 but for less than it has of good characters keeps those.
 * @throws CorpusError `binary-file`.
 */
export function readPlainText(name: string, bytes: Uint8Array): ReadFile {
  const wide = wideEncoding(bytes);
  if (wide)
    return { text: new TextDecoder(wide.encoding).decode(bytes), notes: wide.isMarked ? [] : [readAs(name, 'UTF-16')] };
  requireText(name, bytes);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), notes: [] };
  } catch {
    const text = new TextDecoder('utf-8').decode(bytes);
    if (damage(text) < 0.5) return { text, notes: [] };
    return { text: windows1252(bytes), notes: [readAs(name, 'Windows-1252 (Latin-1)')] };
  }
}

/** What Windows-1252 has from 0x80 to 0x9F, where Latin-1 has controls; a space where it has nothing. */
const WINDOWS_80 = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/** Done here, since some versions of Node take Windows-1252 for Latin-1. */
export function windows1252(bytes: Uint8Array): string {
  return new TextDecoder('latin1')
    .decode(bytes)
    .replace(/[\u0080-\u009F]/g, (control) => WINDOWS_80[control.charCodeAt(0) - 0x80] ?? ' ');
}

function readAs(name: string, encoding: string): string {
  return `${name} is not in UTF-8 and was read as ${encoding}. Should letters look wrong, save it as UTF-8.`;
}

function wideEncoding(bytes: Uint8Array): { encoding: string; isMarked: boolean } | undefined {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16le', isMarked: true };
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', isMarked: true };
  const looked = bytes.subarray(0, LOOKED_AT);
  const empty = [0, 0];
  looked.forEach((byte, i) => {
    if (byte === 0) empty[i & 1] = (empty[i & 1] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = empty.map((count) => count / (looked.length / 2 || 1));
  if (odd > WIDE_SHARE && even < NARROW_SHARE) return { encoding: 'utf-16le', isMarked: false };
  if (even > WIDE_SHARE && odd < NARROW_SHARE) return { encoding: 'utf-16be', isMarked: false };
  return undefined;
}

/** @throws CorpusError `binary-file` for pictures, programs, archives: before an encoding could make letters of them. */
function requireText(name: string, bytes: Uint8Array): void {
  let controls = 0;
  for (const byte of bytes) if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) controls++;
  if (controls > 1 && controls > bytes.length * BINARY_SHARE)
    throw new CorpusError(
      'binary-file',
      `${name} is not plain text (${controls} unreadable characters). Save it as .txt or .md in UTF-8 and try again.`,
    );
}

/** Of the characters beyond ASCII, the share that could not be read. */
function damage(text: string): number {
  let bad = 0;
  let all = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    all++;
    if (code === 0xfffd) bad++;
  }
  return all === 0 ? 0 : bad / all;
}
