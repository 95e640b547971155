import { PARAMS_HEADER_BYTES, type ShaderSource } from './shaderSource.ts';

export type ParamValues = Readonly<Record<string, number>>;

/** What one dispatch's parameters get: WebGPU's default alignment of uniform offsets. */
export const SLOT_BYTES = 256;

const SLOT_WORDS = SLOT_BYTES / 4;
const HEADER_WORDS = PARAMS_HEADER_BYTES / 4;

/** The `Params` structs of many dispatches, a slot each, as they go to the GPU. Grows as needed; emptied, it keeps its room. */
export class ParamBlock {
  #unsigned = new Uint32Array(SLOT_WORDS);
  #signed = new Int32Array(this.#unsigned.buffer);
  #floats = new Float32Array(this.#unsigned.buffer);
  #slots = 0;
  #version = 0;

  /** Slots in use. */
  get slots(): number {
    return this.#slots;
  }

  /** Another after every change. */
  get version(): number {
    return this.#version;
  }

  /** The slots in use. Valid until the next one is added. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#unsigned.buffer, 0, this.#slots * SLOT_BYTES);
  }

  /**
   * Writes groupOffset, then the kernel's fields in their order, 4 bytes each, into the next slot, and says which that is.
   * @throws Error on a missing or unknown field; the slot is then not taken.
   */
  add(source: ShaderSource, x: number, y: number, z: number, values: ParamValues): number {
    const { params } = source;
    if (Object.keys(values).length !== params.length) {
      const expected = params.map(({ name }) => name).join(', ');
      throw new Error(`${source.name} takes the parameters ${expected}; got ${Object.keys(values).join(', ')}.`);
    }
    this.#version++;
    let at = this.#slots * SLOT_WORDS;
    if (at === this.#unsigned.length) this.#grow();
    this.#unsigned[at] = x;
    this.#unsigned[at + 1] = y;
    this.#unsigned[at + 2] = z;
    at += HEADER_WORDS;
    for (const { name, type } of params) {
      const value = values[name];
      if (value === undefined) throw new Error(`${source.name}: parameter ${name} is missing.`);
      if (type === 'f32') this.#floats[at++] = value;
      else if (type === 'u32') this.#unsigned[at++] = value;
      else this.#signed[at++] = value;
    }
    return this.#slots++;
  }

  clear(): void {
    this.#version++;
    this.#slots = 0;
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#unsigned.length);
    larger.set(this.#unsigned);
    this.#unsigned = larger;
    this.#signed = new Int32Array(larger.buffer);
    this.#floats = new Float32Array(larger.buffer);
  }
}

export interface GroupPart {
  readonly offset: readonly [number, number, number];
  readonly groups: readonly [number, number, number];
}

/**
 * Cuts a grid of workgroups into at least `parts` pieces (fewer when it has fewer groups), none longer than `limit` on a
 * side. A kernel finds its place again through params.groupOffset.
 */
export function splitGroups(groups: readonly [number, number, number], parts: number, limit: number): GroupPart[] {
  const counts: [number, number, number] = [
    Math.ceil(groups[0] / limit),
    Math.ceil(groups[1] / limit),
    Math.ceil(groups[2] / limit),
  ];
  // Cut the outermost axis that still has groups to give: neighbours in x share the most cached data.
  for (const axis of [2, 1, 0] as const) {
    const have = counts[0] * counts[1] * counts[2];
    if (have >= parts) break;
    counts[axis] = Math.min(groups[axis], Math.ceil((parts / have) * counts[axis]));
  }
  const cuts = (axis: 0 | 1 | 2): [number, number][] =>
    Array.from({ length: counts[axis] }, (_, i) => {
      const from = Math.floor((groups[axis] * i) / counts[axis]);
      return [from, Math.floor((groups[axis] * (i + 1)) / counts[axis]) - from];
    });
  const result: GroupPart[] = [];
  for (const [z, depth] of cuts(2))
    for (const [y, height] of cuts(1))
      for (const [x, width] of cuts(0)) result.push({ offset: [x, y, z], groups: [width, height, depth] });
  return result;
}
