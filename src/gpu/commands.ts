import type { CachedPipeline, Constants } from './pipelines.ts';
import { ParamBlock, type ParamValues } from './params.ts';
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

/** A dispatch, or a part of one that was split: so many workgroups, and its share of the work. */
export interface RecordedDispatch {
  readonly type: 'dispatch';
  readonly dispatch: Dispatch;
  readonly pipeline: CachedPipeline;
  /** What it binds, in the order in which its kernel declares the bindings; parameters are no part of it. */
  readonly slices: readonly BufferSlice[];
  /** Where its parameters lie in the recording's block. */
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
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

/** What can be recorded. */
export type Command =
  | RecordedDispatch
  | Upload
  | Read
  | { readonly type: 'copy'; readonly source: BufferSlice; readonly target: BufferSlice; readonly bytes: number }
  | { readonly type: 'clear'; readonly target: BufferSlice };

/** What the recorder collects until it is flushed. */
export class Recording {
  readonly commands: Command[] = [];
  readonly params = new ParamBlock();

  /** Empties it, to be used again. */
  clear(): void {
    this.commands.length = 0;
    this.params.clear();
  }
}
