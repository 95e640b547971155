import { GROUP_COLUMNS } from '../../ops/core/tensor.ts';

/** Whole rows of a matrix as i8: number · scale, one scale for each GROUP_COLUMNS neighbours of a row. */
export interface QuantisedRows {
  readonly numbers: Int8Array<ArrayBuffer>;
  /** bf16 patterns, [rows, ⌈columns / GROUP_COLUMNS⌉]. */
  readonly scales: Uint16Array<ArrayBuffer>;
  /** Σ (value − number · scale)². */
  readonly squaredError: number;
  /** Σ value². */
  readonly squaredNorm: number;
}

const LARGEST = 127;
/** Added to and taken from a small f64, rounds it to a whole number, ties to even. */
const ROUNDER = 1.5 * 2 ** 52;
/** Smaller scales are subnormal, which GPUs may take for zero: such groups are stored as zeros. */
const SMALLEST_NORMAL = 2 ** -126;

const bits = new Uint32Array(1);
const single = new Float32Array(bits.buffer);

/**
 * Symmetric quantisation per group: scale = largest magnitude / 127, rounded up to bf16 so that nothing is clipped, number =
 * round(value / scale). A bf16 scale has f32's range, costs half a bit per number in groups of 32 (8.5 in all, against 16),
 * and makes number · scale (7 + 8 bits) exact in f32: kernels compute with precisely the numbers that the error is told of.
 * @param values whole rows, finite
 */
export function quantiseRows(values: Float32Array, columns: number): QuantisedRows {
  const rows = columns === 0 ? 0 : values.length / columns;
  const groups = Math.ceil(columns / GROUP_COLUMNS);
  const numbers = new Int8Array(values.length);
  const scales = new Uint16Array(rows * groups);
  let squaredError = 0;
  let squaredNorm = 0;
  for (let row = 0; row < rows; row++)
    for (let group = 0; group < groups; group++) {
      const begin = row * columns + group * GROUP_COLUMNS;
      const end = Math.min(begin + GROUP_COLUMNS, (row + 1) * columns);
      let largest = 0;
      for (let i = begin; i < end; i++) {
        const magnitude = Math.abs(values[i] ?? 0);
        if (magnitude > largest) largest = magnitude;
      }
      const scale = roundUp(largest / LARGEST);
      single[0] = scale;
      scales[row * groups + group] = (bits[0] ?? 0) >>> 16;
      const inverse = scale > 0 ? 1 / scale : 0;
      for (let i = begin; i < end; i++) {
        const value = values[i] ?? 0;
        const number = value * inverse + ROUNDER - ROUNDER;
        numbers[i] = number;
        const error = value - number * scale;
        squaredError += error * error;
        squaredNorm += value * value;
      }
    }
  return { numbers, scales, squaredError, squaredNorm };
}

/** The next bf16 that is not smaller; 0 for what would be subnormal. */
function roundUp(scale: number): number {
  single[0] = scale;
  bits[0] = ((bits[0] ?? 0) + 0xffff) & 0xffff0000;
  const rounded = single[0];
  return rounded < SMALLEST_NORMAL ? 0 : rounded;
}

/** How far an i8 tensor is from what the checkpoint holds: ‖stored − i8‖ / ‖stored‖. */
export interface QuantisationError {
  readonly name: string;
  readonly relativeRms: number;
}

export interface QuantisationReport {
  /** One entry for each tensor of the checkpoint that was quantised. */
  readonly tensors: readonly QuantisationError[];
  readonly worst: QuantisationError;
  /** Over all numbers of all tensors together. */
  readonly overall: number;
}

/** Sums up the errors of tensors that are quantised piece by piece. */
export class QuantisationErrors {
  readonly #sums = new Map<string, { error: number; norm: number }>();

  add(name: string, { squaredError, squaredNorm }: QuantisedRows): void {
    const before = this.#sums.get(name);
    this.#sums.set(name, {
      error: (before?.error ?? 0) + squaredError,
      norm: (before?.norm ?? 0) + squaredNorm,
    });
  }

  /** undefined when nothing was quantised. */
  report(): QuantisationReport | undefined {
    const relative = ({ error, norm }: { error: number; norm: number }) => (norm > 0 ? Math.sqrt(error / norm) : 0);
    const tensors = [...this.#sums].map(([name, sums]) => ({ name, relativeRms: relative(sums) }));
    const [first] = tensors;
    if (!first) return undefined;
    const all = { error: 0, norm: 0 };
    for (const { error, norm } of this.#sums.values()) {
      all.error += error;
      all.norm += norm;
    }
    return {
      tensors,
      worst: tensors.reduce((worst, tensor) => (tensor.relativeRms > worst.relativeRms ? tensor : worst), first),
      overall: relative(all),
    };
  }
}
