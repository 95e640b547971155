const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 of the chunks one after the other, as zip files hold it (ISO 3309, polynomial 0xedb88320 reflected). */
export function crc32(chunks: Iterable<Uint8Array>): number {
  let state = 0xffffffff;
  for (const chunk of chunks)
    for (let i = 0; i < chunk.length; i++) state = (state >>> 8) ^ (TABLE[(state ^ (chunk[i] ?? 0)) & 0xff] ?? 0);
  return (state ^ 0xffffffff) >>> 0;
}
