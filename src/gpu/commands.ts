import type { CachedPipeline, Constants } from './pipelines.ts';
import type { ParamValues } from './params.ts';
import type { BufferSlice } from './pool.ts';

/** One kernel launch. `flops` and `bytes` are what the kernel must do and move: for budgets and for the kernels panel. */
export interface Dispatch {
  readonly kernel: string;
  readonly constants?: Constants;
  readonly params: ParamValues;
  /** Storage bindings by their WGSL names. */
  readonly bindings: Readonly<Record<string, BufferSlice>>;
  readonly groups: readonly [number, number?, number?];
  readonly flops: number;
  readonly bytes: number;
}

/** A dispatch, or a part of one that was split: `groups` workgroups from `offset` on, and its share of the work. */
export interface RecordedDispatch {
  readonly type: 'dispatch';
  readonly dispatch: Dispatch;
  readonly pipeline: CachedPipeline;
  readonly offset: readonly [number, number, number];
  readonly groups: readonly [number, number, number];
  readonly work: number;
}

/** Bytes for the start of `target`; their number is a multiple of 4. */
export interface Upload {
  readonly type: 'upload';
  readonly target: BufferSlice;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Somebody waits for the bytes of `source`. */
export interface Read {
  readonly type: 'read';
  readonly source: BufferSlice;
  readonly resolve: (data: ArrayBuffer) => void;
  readonly reject: (cause: unknown) => void;
}

/** What the recorder collects until it is flushed. */
export type Command =
  | RecordedDispatch
  | Upload
  | Read
  | { readonly type: 'copy'; readonly source: BufferSlice; readonly target: BufferSlice; readonly bytes: number }
  | { readonly type: 'clear'; readonly target: BufferSlice };
