import type { Allocation, BufferPool, BufferSlice } from '../../gpu/pool.ts';

/**
 * How numbers lie in memory. bf16 and f16 are packed two to a word, exactly as safetensors stores them. i8 are whole numbers
 * from −127 to 127, four to a word; each group of GROUP_COLUMNS of a row is multiplied with a scale of its own.
 */
export type DType = 'f32' | 'u32' | 'bf16' | 'f16' | 'i8';

/** Value of the kernels' WEIGHT_FORMAT constant for each type of weight (shaders/lib/weights.wgsl). */
export const WEIGHT_FORMAT = { f32: 0, bf16: 1, f16: 2, i8: 3 } as const;

/** Neighbours in a row that share a scale when stored as i8; the last group of a row may be shorter. The kernels know it too. */
export const GROUP_COLUMNS = 32;

/** Bytes of one number, without the scales of i8. */
export function bytesPerElement(dtype: DType): number {
  return { f32: 4, u32: 4, bf16: 2, f16: 2, i8: 1 }[dtype];
}

/** Bytes of a tensor's numbers and, of i8, of their scales: what each of its two bindings must hold. */
export function tensorBytes(shape: readonly number[], dtype: DType): { numbers: number; scales: number } {
  return {
    numbers: wholeWords(elements(shape) * bytesPerElement(dtype)),
    scales: dtype === 'i8' ? wholeWords(elements(scalesShape(shape)) * bytesPerElement('bf16')) : 0,
  };
}

function scalesShape(shape: readonly number[]): number[] {
  return [...shape.slice(0, -1), Math.ceil((shape.at(-1) ?? 1) / GROUP_COLUMNS)];
}

const wholeWords = (bytes: number) => Math.max(4, Math.ceil(bytes / 4) * 4);

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
    /** Of i8: bf16 [rows, ⌈columns / GROUP_COLUMNS⌉], element = number · scale. Lives as long as the tensor itself. */
    readonly scales?: Tensor,
  ) {}

  /** A tensor with memory of its own (of i8: its scales too); its contents are whatever the buffer held before. */
  static allocate(pool: BufferPool, shape: readonly number[], dtype: DType, purpose: Allocation['purpose']): Tensor {
    const allocation = pool.acquire(tensorBytes(shape, dtype).numbers, purpose);
    const free = () => pool.release(allocation);
    if (dtype !== 'i8') return new Tensor(shape, dtype, allocation, free);
    let scales: Tensor;
    try {
      scales = Tensor.allocate(pool, scalesShape(shape), 'bf16', purpose);
    } catch (cause) {
      free();
      throw cause;
    }
    const freeBoth = () => {
      free();
      scales.release();
    };
    return new Tensor(shape, dtype, allocation, freeBoth, scales);
  }

  /** A tensor over memory that somebody else owns (a parameter in its arena). */
  static over(slice: BufferSlice, shape: readonly number[], dtype: DType = 'f32'): Tensor {
    return new Tensor(shape, dtype, slice, undefined);
  }

  /** The same numbers as a new node: keeps the memory alive, takes no part in the graph of the original. */
  detach(): Tensor {
    this.retain();
    return new Tensor(this.shape, this.dtype, this.slice, () => this.release(), this.scales);
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
