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

/** What is still known of a kernel launch once it is recorded. */
export type Launch = Pick<Dispatch, 'kernel' | 'flops' | 'bytes'>;

/**
 * A dispatch, or a part of one that was split: so many workgroups, and its share of the work; FLOP and bytes are the whole's. The
 * dispatch itself is let go, thousands of which would live from recording to sending otherwise.
 */
export interface RecordedDispatch extends Launch {
  readonly type: 'dispatch';
  readonly pipeline: CachedPipeline;
  /** What it binds, in the order in which its kernel declares the bindings; parameters are no part of it. */
  readonly slices: readonly BufferSlice[];
  /** Where its parameters lie in the recording's block. */
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly work: number;
  /** Its bind group once it was sent, and of which generation of bind groups that is. */
  group: GPUBindGroup | undefined;
  generation: number;
}

/** Bytes for the start of `target`: the next of the recording's uploads. */
export interface Upload {
  readonly type: 'upload';
  readonly target: BufferSlice;
}

/** Numbers on their way to the GPU. */
export interface Uploaded {
  /** As many bytes as whole words take. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Nothing that is recorded depends on the numbers, but for how many they are. */
  readonly isInput: boolean;
}

/** The bytes of `source`, for the next of the recording's answers. */
export interface Read {
  readonly type: 'read';
  readonly source: BufferSlice;
}

/** Somebody who waits for what is read. */
export interface Answer {
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
  /** What its uploads carry, and who waits for its reads, in the order of these commands. */
  readonly uploads: Uploaded[] = [];
  readonly answers: Answer[] = [];

  constructor(
    readonly commands: Command[] = [],
    readonly params = new ParamBlock(),
    /** Whether commands and parameters are somebody else's too, who sends them again (kept.ts). */
    readonly isShared = false,
  ) {}

  /** Empties it, to be used again. */
  clear(): void {
    this.uploads.length = 0;
    this.answers.length = 0;
    if (this.isShared) return;
    this.commands.length = 0;
    this.params.clear();
  }

  /** Bytes of a read; resolves once it was sent. */
  answer(): Promise<ArrayBuffer> {
    const answer = new Promise<ArrayBuffer>((resolve, reject) => this.answers.push({ resolve, reject }));
    // An abandoned step rejects its reads, and nobody may be waiting for them any more.
    answer.catch(() => undefined);
    return answer;
  }

  /** Ends the wait for its reads. */
  reject(cause: unknown): void {
    for (const { reject } of this.answers) reject(cause);
  }
}
