/** Whatever makes vectors of texts: a retriever, an encoder. Who is handed one knows no model. */
export interface Embedder {
  readonly dimensions: number;
  /**
   * Vectors of length 1, [texts.length, dimensions] in row-major order.
   * @throws CorpusError `aborted`; what its model throws
   */
  readonly embed: (
    role: 'query' | 'passage',
    texts: readonly string[],
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: ((fraction: number) => void) | undefined;
    },
  ) => Promise<Float32Array>;
}
