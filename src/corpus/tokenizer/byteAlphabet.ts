/**
 * GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 characters stand for themselves, the other bytes for
 * U+0100, U+0101, … in order. Byte-level BPE vocabularies are written in this alphabet.
 */
function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/** `byteToCharacter[b]` = the character that stands for byte b. */
export const byteToCharacter: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

export const characterToByte: ReadonlyMap<string, number> = new Map(
  byteToCharacter.map((character, byte) => [character, byte]),
);
