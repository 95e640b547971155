import type { Allocation, BufferPool, BufferSlice } from '../gpu/pool.ts';

/** How numbers lie in memory. bf16 and f16 are packed two to a word, exactly as safetensors stores them. */
export type DType = 'f32' | 'u32' | 'bf16' | 'f16';

/** Value of the kernels' WEIGHT_FORMAT constant for each floating type (shaders/lib/weights.wgsl). */
export const WEIGHT_FORMAT = { f32: 0, bf16: 1, f16: 2 } as const;

export function bytesPerElement(dtype: DType): number {
  return dtype === 'f32' || dtype === 'u32' ? 4 : 2;
}

let nextId = 1;

/**
 * Numbers on the GPU, row-major. Counted by references: made with one, `retain` adds one, the last `release` gives the
 * memory back to the pool.
 */
export class Tensor {
  readonly id = nextId++;
  /** Part of a graph that something trainable hangs on: the tape records what is done with it. */
  requiresGrad = false;
  /** Where the gradient of a parameter adds up, across micro-batches too. Other tensors have none: the tape holds theirs. */
  gradient: Tensor | undefined;
  #references = 1;

  private constructor(
    readonly shape: readonly number[],
    readonly dtype: DType,
    readonly slice: BufferSlice,
    private readonly free: (() => void) | undefined,
  ) {}

  /** A tensor with memory of its own; its contents are whatever the buffer held before. */
  static allocate(pool: BufferPool, shape: readonly number[], dtype: DType, purpose: Allocation['purpose']): Tensor {
    const allocation = pool.acquire(
      Math.max(4, Math.ceil((elements(shape) * bytesPerElement(dtype)) / 4) * 4),
      purpose,
    );
    return new Tensor(shape, dtype, allocation, () => pool.release(allocation));
  }

  /** A tensor over memory that somebody else owns (a parameter in its arena). */
  static over(slice: BufferSlice, shape: readonly number[], dtype: DType = 'f32'): Tensor {
    return new Tensor(shape, dtype, slice, undefined);
  }

  /** The same numbers as a new node: keeps the memory alive, takes no part in the graph of the original. */
  detach(): Tensor {
    this.retain();
    return new Tensor(this.shape, this.dtype, this.slice, () => this.release());
  }

  /** Number of elements. */
  get size(): number {
    return elements(this.shape);
  }

  /** Rows when read as a matrix: all dimensions but the last. */
  get rows(): number {
    return this.size / this.columns;
  }

  /** Length of the last dimension. */
  get columns(): number {
    return this.shape.at(-1) ?? 1;
  }

  get references(): number {
    return this.#references;
  }

  retain(): this {
    if (this.#references <= 0) throw new Error('A tensor was used after its memory was given back: this is a bug.');
    this.#references++;
    return this;
  }

  release(): void {
    if (this.#references <= 0) throw new Error('A tensor was released twice: this is a bug.');
    if (--this.#references === 0) this.free?.();
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** @throws Error naming `what` unless the tensor's shape is `shape`. */
export function expectShape(what: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((length, i) => length !== shape[i]))
    throw new Error(`${what} should have shape [${shape.join(', ')}], but has [${tensor.shape.join(', ')}].`);
}
