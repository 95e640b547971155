/** RGBA, row by row from the upper left corner. */
export type Pixels = Uint8ClampedArray<ArrayBuffer>;

export interface Shape {
  /** In pixels; both even, as video codecs want them. */
  readonly width: number;
  readonly height: number;
}

/** Makes a file of frames that come one after the other. */
export interface FrameWriter {
  /** Resolves when the next frame may come. `duration`: how long this one is seen, ms. */
  add(pixels: Pixels, duration: number): Promise<void>;
  /** The whole file. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
}

export type Format = 'gif' | 'webm';

/** What the page sends to the worker that encodes: one message after the answer to the one before. */
export type ToEncoder =
  | { readonly type: 'open'; readonly format: Format; readonly shape: Shape; readonly samples: readonly Pixels[] }
  | { readonly type: 'frame'; readonly pixels: Pixels; readonly duration: number }
  | { readonly type: 'finish' };

/** What it answers: that the next message may come, the file, or why there will be none. */
export type FromEncoder =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'failed'; readonly message: string };
