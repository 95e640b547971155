const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A cell as it stands in the file: what would end the cell or the line is written \t, \n, \r, and a backslash \\. */
export function tsvCell(value: string | number): string {
  return String(value).replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
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
