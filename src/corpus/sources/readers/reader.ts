/** What a reader takes out of a file. */
export interface ReadFile {
  readonly text: string;
  /** What was done to read it, for people. */
  readonly notes: readonly string[];
}

export interface ReadingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Share of the file that is read, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** Takes the text out of a file of one kind. */
export type Reader = (name: string, bytes: Uint8Array, options: ReadingOptions) => ReadFile | Promise<ReadFile>;
