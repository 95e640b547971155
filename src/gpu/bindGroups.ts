import { NumberMap } from './numberMap.ts';
import { SLOT_BYTES } from './params.ts';
import type { Pipeline } from './pipelines.ts';
import type { BufferSlice } from './pool.ts';

/** Groups kept: a driver holds about a kilobyte for each. Enough for two different steps of a model of 30 layers. */
const MOST_KEPT = 16_384;

/**
 * Bind groups by what they bind. Making one costs a driver several times as much as a dispatch (measured in Node through Dawn: 20 µs
 * against 3 µs), and steps of the same shapes find the same buffers again (pool.ts). Parameters are no part of it: their place in the
 * uniform buffer is given with each dispatch.
 */
export class BindGroups {
  #groups = new NumberMap<GPUBindGroup>();
  #numbers = new WeakMap<object, number>();
  #next = 1;
  #uniforms: GPUBuffer | undefined;
  #key: number[] = [];
  #generation = 0;

  constructor(private readonly device: GPUDevice) {}

  /** Changes when everything is forgotten: groups of another one bind what is there no more. */
  get generation(): number {
    return this.#generation;
  }

  /** Forgets everything if parameters come from another buffer than before, or if there is too much. Before a flush. */
  begin(uniforms: GPUBuffer): void {
    if (uniforms === this.#uniforms && this.#groups.size <= MOST_KEPT) return;
    this.#uniforms = uniforms;
    this.#groups.clear();
    this.#generation++;
  }

  /** The group for a kernel's storage bindings, `slices`, in the order in which it declares them. */
  find(pipeline: Pipeline, slices: readonly BufferSlice[]): GPUBindGroup {
    const key = this.#key;
    key[0] = this.#number(pipeline.layout);
    let length = 1;
    for (const { buffer, offset, size } of slices) {
      key[length++] = this.#number(buffer);
      key[length++] = offset;
      key[length++] = size;
    }
    const found = this.#groups.get(key, length);
    if (found) return found;
    const group = this.#make(pipeline, slices);
    this.#groups.add(key, length, group);
    return group;
  }

  #number(of: object): number {
    let number = this.#numbers.get(of);
    if (number === undefined) this.#numbers.set(of, (number = this.#next++));
    return number;
  }

  #make({ layout, source }: Pipeline, slices: readonly BufferSlice[]): GPUBindGroup {
    let next = 0;
    const entries = source.bindings.map(({ binding, type }) => ({
      binding,
      resource: type === 'uniform' ? this.#slot() : bound(slices[next++]),
    }));
    return this.device.createBindGroup({ layout, entries });
  }

  #slot(): GPUBufferBinding {
    if (!this.#uniforms) throw new Error('A dispatch has no parameters: this is a bug.');
    return { buffer: this.#uniforms, size: SLOT_BYTES };
  }
}

/** Kernels read vectors of four, so a binding covers whole 16 bytes; every buffer has that room. */
function bound(slice: BufferSlice | undefined): GPUBufferBinding {
  if (!slice) throw new Error('A dispatch lacks a binding: this is a bug.');
  return { buffer: slice.buffer, offset: slice.offset, size: Math.ceil(slice.size / 16) * 16 };
}
