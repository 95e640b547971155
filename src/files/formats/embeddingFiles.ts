/**
 * A .npy file (format version 1.0) of little-endian float32 in C order, as numpy.load reads it.
 * @param shape [n] or [rows, columns].
 * @throws RangeError when the numbers do not fill the shape.
 */
export function writeNpy(
  data: Float32Array,
  shape: readonly [number] | readonly [number, number],
): Uint8Array<ArrayBuffer> {
  const [rows, columns] = shape;
  if (rows * (columns ?? 1) !== data.length)
    throw new RangeError(`${data.length} numbers do not fill [${shape.join(', ')}].`);
  // A tuple of one has a comma in Python.
  const tuple = columns === undefined ? `(${rows},)` : `(${rows}, ${columns})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version and length take 10 bytes; the header ends with a line break at a multiple of 64.
  const headerEnd = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const file = new Uint8Array(headerEnd + data.byteLength).fill(0x20, 10, headerEnd);
  const view = new DataView(file.buffer);
  file.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0]);
  view.setUint16(8, headerEnd - 10, true);
  file.set(new TextEncoder().encode(dictionary), 10);
  file[headerEnd - 1] = 0x0a;
  data.forEach((value, i) => view.setFloat32(headerEnd + 4 * i, value, true));
  return file;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * A cell as it stands in the file: what would end the cell or the line is written \t, \n, \r, and a backslash \\. A text that a
 * spreadsheet would take for a formula, since it begins with = + - or @, has a backslash before it.
 */
export function tsvCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  return value.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character).replace(/^(?=[=+\-@])/, '\\');
}

/** A line of tab-separated cells, its line break included. */
export function tsvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(tsvCell).join('\t')}\n`;
}

/**
 * Embeddings with a label each as a table, line by line: the heading label, d0, d1, …, then one line per text. Nine
 * digits: enough to get the same f32 back.
 * @param embeddings [labels.length, dimensions], row-major.
 * @throws RangeError when the numbers do not divide by the labels.
 */
export function* embeddingsTsv(labels: readonly string[], embeddings: Float32Array): Generator<string, void, void> {
  const dimensions = labels.length === 0 ? 0 : embeddings.length / labels.length;
  if (!Number.isInteger(dimensions) || dimensions * labels.length !== embeddings.length)
    throw new RangeError(`${embeddings.length} numbers are no embeddings of ${labels.length} texts.`);
  yield tsvLine(['label', ...Array.from({ length: dimensions }, (_, d) => `d${d}`)]);
  for (const [i, label] of labels.entries()) {
    const row = embeddings.subarray(i * dimensions, (i + 1) * dimensions);
    yield tsvLine([label, ...Array.from(row, (value) => Number(value.toPrecision(9)))]);
  }
}
