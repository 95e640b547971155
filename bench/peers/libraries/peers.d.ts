/**
 * What this bench uses of libraries that are not installed with the project (../install.ts): as much of their types as it takes to
 * check the calls.
 */
declare module '@jax-js/jax' {
  export namespace numpy {
    class Array {
      readonly ref: this;
      readonly shape: number[];
      dispose(): void;
      data(): Promise<Float32Array>;
      add(other: Array | number): Array;
      sub(other: Array | number): Array;
      mul(other: Array | number): Array;
      div(other: Array | number): Array;
      neg(): Array;
      sum(axis?: number): Array;
      mean(axis?: number, options?: { keepdims: boolean }): Array;
      reshape(shape: readonly number[]): Array;
      transpose(): Array;
      slice(...index: (readonly [] | readonly [number, number])[]): Array;
    }
    function array(data: Float32Array | number[]): Array;
    function zeros(shape: number[]): Array;
    function matmul(a: Array, b: Array): Array;
    function sqrt(x: Array): Array;
    function square(x: Array): Array;
    function concatenate(parts: Array[], axis: number): Array;
  }
  export namespace nn {
    function silu(x: numpy.Array): numpy.Array;
    function logSoftmax(x: numpy.Array, axis: number): numpy.Array;
    function dotProductAttention(
      q: numpy.Array,
      k: numpy.Array,
      v: numpy.Array,
      options: { isCausal: boolean },
    ): numpy.Array;
  }
  type Tree = numpy.Array | { readonly [key: string]: Tree };
  export function init(...devices: string[]): Promise<string[]>;
  export function defaultDevice(device: string): string;
  export function jit<A extends readonly Tree[], R extends Tree>(f: (...args: A) => R): (...args: A) => R;
  export function valueAndGrad<A extends Tree, B extends Tree>(
    f: (parameters: A, inputs: B) => numpy.Array,
  ): (parameters: A, inputs: B) => [numpy.Array, A];
  export function blockUntilReady(arrays: numpy.Array[]): Promise<unknown>;
}

declare module '@tensorflow/tfjs-core' {
  export class Tensor {
    readonly shape: number[];
    data(): Promise<Float32Array>;
    dispose(): void;
    add(other: Tensor | number): Tensor;
    sub(other: Tensor | number): Tensor;
    mul(other: Tensor | number): Tensor;
    div(other: Tensor | number): Tensor;
    neg(): Tensor;
    sqrt(): Tensor;
    sum(axis?: number): Tensor;
    mean(axis?: number, keepDims?: boolean): Tensor;
    reshape(shape: readonly number[]): Tensor;
    transpose(order: readonly number[]): Tensor;
    slice(begin: readonly number[], size: readonly number[]): Tensor;
    toFloat(): Tensor;
  }
  export class Variable extends Tensor {
    readonly name: string;
  }
  export function setBackend(name: string): Promise<boolean>;
  export function ready(): Promise<void>;
  export function backend(): object;
  export function tensor(data: Float32Array, shape: number[]): Tensor;
  export function tensor1d(data: number[], dtype: string): Tensor;
  export function tensor2d(data: Float32Array, shape: [number, number]): Tensor;
  export function variable(initial: Tensor): Variable;
  export function oneHot(indices: Tensor, depth: number): Tensor;
  export function matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  export function split(x: Tensor, count: number, axis: number): Tensor[];
  export function concat(parts: Tensor[], axis: number): Tensor;
  export function square(x: Tensor): Tensor;
  export function sigmoid(x: Tensor): Tensor;
  export function softmax(x: Tensor): Tensor;
  export function logSoftmax(x: Tensor): Tensor;
  export function tidy<T>(work: () => T): T;
  export function dispose(tensors: Tensor[]): void;
  export const train: {
    adam(
      rate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): {
      minimize(loss: () => Tensor, returnCost: boolean): Tensor | null;
    };
  };
}

declare module '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops' {}
declare module '@tensorflow/tfjs-core/dist/register_all_gradients' {}

declare module '@tensorflow/tfjs-backend-webgpu' {
  export class WebGPUBackend {
    readonly device: GPUDevice;
    readonly commandEncoder: GPUCommandEncoder | null;
    endComputePassEncoder(): void;
    submitQueue(): void;
  }
}
