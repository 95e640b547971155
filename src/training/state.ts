import { BadInputError } from '../base/errors.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import type { Optimiser } from './optimiser.ts';

/** All that a run needs to go on exactly where it was: what is trained, the optimiser's memory of it, and the step. */
export interface TrainingState {
  /** Updates made; batches follow from it and the seed. */
  readonly step: number;
  /** Parameters and both moments of every block, by name. */
  readonly tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

/** A saved state that belongs to another model or configuration. */
export class TrainingStateError extends BadInputError {
  override readonly name = 'TrainingStateError';
}

function stateTensors(optimiser: Optimiser): [string, Tensor][] {
  return optimiser.state().flatMap(({ name, arena }): [string, Tensor][] => [
    [`${name}.parameters`, arena.parameters],
    [`${name}.m`, arena.m],
    [`${name}.v`, arena.v],
  ]);
}

/** Reads the state of a run between two steps. */
export async function saveTraining(runtime: Runtime, optimiser: Optimiser): Promise<TrainingState> {
  const pending = stateTensors(optimiser).map(async ([name, tensor]) => [name, await runtime.read(tensor)] as const);
  await runtime.recorder.flush();
  return { step: optimiser.step, tensors: new Map(await Promise.all(pending)) };
}

/**
 * Puts a saved state back: the next step is bit for bit the one that would have followed.
 * @throws TrainingStateError when the state does not fit, before anything is changed.
 */
export async function restoreTraining(runtime: Runtime, optimiser: Optimiser, state: TrainingState): Promise<void> {
  const targets = expectFitting(optimiser, state);
  for (const [name, tensor] of targets) {
    const data = state.tensors.get(name);
    if (data) runtime.recorder.upload(tensor.slice, data);
  }
  await runtime.recorder.flush();
  optimiser.step = state.step;
}

/** Whether a state is that of such an optimiser. @returns what the state holds, on the GPU. @throws TrainingStateError */
export function expectFitting(optimiser: Optimiser, state: TrainingState): ReturnType<typeof stateTensors> {
  if (!Number.isSafeInteger(state.step) || state.step < 0)
    throw new TrainingStateError(`The saved run says that it has made ${state.step} updates, which cannot be.`);
  const targets = stateTensors(optimiser);
  for (const [name, tensor] of targets) {
    const found = state.tensors.get(name)?.length;
    if (found !== tensor.size)
      throw new TrainingStateError(
        `The saved run does not fit this model: ${name} has ${found ?? 'no'} numbers and should have ${tensor.size}.`,
      );
  }
  const known = new Set(targets.map(([name]) => name));
  const extra = [...state.tensors.keys()].find((name) => !known.has(name));
  if (extra !== undefined)
    throw new TrainingStateError(`The saved run holds ${extra}, but this model trains nothing of that name.`);
  return targets;
}
