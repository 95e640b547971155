import type { Runtime } from '../ops/core/runtime.ts';
import { Tape } from '../ops/core/tape.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import type { ObjectiveForward } from './objective.ts';
import type { ObjectiveTable } from './table.ts';

export type Read = Record<string, Float32Array<ArrayBuffer>>;

/** What of a pass is read back. */
export type ReadPass = Pick<ObjectiveForward, 'roots' | 'reads' | 'signals'>;

/** Looks at a pass once its gradients are there. */
export interface PassWatch<P> {
  /** Tensors whose gradients are wanted besides those of the parameters and signals. */
  keep?(pass: P): readonly Tensor[];
  /** Reads resolve with the pass. */
  onGradients?(tape: Tape, pass: P): void;
}

/** Records the small readback of a pass without gradients; resolves after the next flush. */
export function readForward(runtime: Runtime, { reads }: Pick<ReadPass, 'reads'>): Promise<Read> {
  return readAll(runtime, Object.entries(reads));
}

/**
 * Records a pass and its backward pass in the caller's scope, and what is read back of both: tensors, and the gradients that
 * arrived at its signals. `read` resolves after the next flush; `names` are those of its numbers, in the order in which they are read.
 */
export async function recordPass<P extends ReadPass>(
  runtime: Runtime,
  pass: (tape: Tape) => Promise<P>,
  watch: PassWatch<P> = {},
): Promise<{ readonly pass: P; readonly read: Promise<Read>; readonly names: readonly string[] }> {
  const tape = new Tape(runtime);
  try {
    const recorded = await pass(tape);
    const reads = Object.entries(recorded.reads);
    const forward = readAll(runtime, reads);
    const signals = Object.entries(recorded.signals);
    tape.backward(recorded.roots, [...signals.map(([, tensor]) => tensor), ...(watch.keep?.(recorded) ?? [])]);
    const arrived = signals.flatMap(([name, tensor]) => {
      const gradient = tape.gradientOf(tensor);
      return gradient ? [[name, gradient] as const] : [];
    });
    const gradients = readAll(runtime, arrived);
    watch.onGradients?.(tape, recorded);
    const read = Promise.all([forward, gradients]).then(([a, b]) => ({ ...a, ...b }));
    // An abandoned pass rejects its reads, and nobody may be waiting for them any more.
    read.catch(() => undefined);
    // What is empty is not read.
    const names = [...reads, ...arrived].flatMap(([name, { size }]) => (size > 0 ? [name] : []));
    return { pass: recorded, read, names };
  } finally {
    tape.dispose();
  }
}

/** The gradients of a table's signals, where they arrived, of the loss without the weight that it has among several batches. */
export function signalsOf(
  { signals }: Pick<ObjectiveTable, 'signals'>,
  read: Readonly<Read>,
  lossWeight: number,
): Record<string, Float32Array<ArrayBuffer>> {
  const found = Object.values(signals ?? {}).flatMap((name) => {
    const gradient = read[name];
    return gradient ? [[name, gradient.map((value) => value / lossWeight)] as const] : [];
  });
  return Object.fromEntries(found);
}

function readAll(runtime: Runtime, tensors: readonly (readonly [string, Tensor])[]): Promise<Read> {
  const pending = tensors.map(async ([name, tensor]) => [name, await runtime.read(tensor)] as const);
  const read = Promise.all(pending).then((entries) => Object.fromEntries(entries));
  read.catch(() => undefined);
  return read;
}
