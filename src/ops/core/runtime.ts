import type { Dispatch } from '../../gpu/commands.ts';
import type { GpuDevice } from '../../gpu/device.ts';
import { DryPool, DryRecorder } from '../../gpu/dryDevice.ts';
import { BufferPool, type Purpose } from '../../gpu/pool.ts';
import { Recorder } from '../../gpu/recorder.ts';
import { USUAL_ARITHMETIC, type Arithmetic } from './arithmetic.ts';
import type { OpTape } from './opTape.ts';
import { Tensor, type DType } from './tensor.ts';
import { TileChoice } from './tileChoice.ts';

/**
 * What every op needs: a place for its result, a recorder for its kernels, and the tape when gradients are wanted.
 * Tensors made inside scope() are given back at its end, unless they are returned or the tape still needs them.
 */
export class Runtime {
  readonly pool: BufferPool;
  readonly recorder: Recorder;
  /** Which tiles matrix products take. */
  tiles: TileChoice;
  /** Records what is done, for backward(); undefined where no gradient is wanted. */
  tape: OpTape | undefined;
  /** How ops compute what they can compute in several ways: as the model wants it that they belong to. */
  arithmetic: Arithmetic = USUAL_ARITHMETIC;
  #scopes: Set<Tensor>[] = [];

  /**
   * With a dry device, nothing is computed: the pool counts and reads give zeros.
   * @param beside another runtime of this device, whose compiled kernels serve here too
   */
  constructor(
    readonly gpu: GpuDevice,
    beside?: Runtime,
  ) {
    this.pool = gpu.dry ? new DryPool(gpu.device) : new BufferPool(gpu.device);
    this.recorder = gpu.dry
      ? new DryRecorder(gpu, this.pool)
      : new Recorder(gpu, this.pool, beside?.recorder.pipelines);
    this.tiles = TileChoice.of(gpu.info);
  }

  /** A new tensor, owned by the innermost scope (or by the caller outside any scope). */
  tensor(shape: readonly number[], dtype: DType = 'f32', purpose: Purpose = 'activations'): Tensor {
    return this.own(Tensor.allocate(this.pool, shape, dtype, purpose));
  }

  /** Puts `tensor` under the innermost scope: one of its references is dropped when the scope ends. */
  own(tensor: Tensor): Tensor {
    this.#scopes.at(-1)?.add(tensor);
    return tensor;
  }

  /** A tensor with the given numbers, uploaded before the kernels recorded after it. */
  fromArray(data: Float32Array | Uint32Array, shape: readonly number[], purpose: Purpose = 'activations'): Tensor {
    return this.#uploaded(data, shape, purpose, false);
  }

  /**
   * As fromArray, of numbers that what is recorded after them does not depend on, but for how many they are: a step that was recorded
   * before may be sent again with others in their place (training/replays.ts).
   */
  input(data: Float32Array | Uint32Array, shape: readonly number[]): Tensor {
    return this.#uploaded(data, shape, 'activations', true);
  }

  zeros(shape: readonly number[], purpose: Purpose = 'activations'): Tensor {
    const tensor = this.tensor(shape, 'f32', purpose);
    this.recorder.clear(tensor.slice);
    return tensor;
  }

  dispatch(dispatch: Dispatch): void {
    this.recorder.dispatch(dispatch);
  }

  /** Numbers of an f32 tensor, after the next flush. */
  read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    const numbers = this.recorder
      .read({ ...tensor.slice, size: tensor.size * 4 })
      .then((bytes) => new Float32Array(bytes));
    numbers.catch(() => undefined);
    return numbers;
  }

  /** Numbers of the tensor that `body` makes, computed at once. Nothing stays on the GPU, and nothing half recorded is run later. */
  async compute(body: () => Tensor): Promise<Float32Array<ArrayBuffer>> {
    let numbers: Promise<Float32Array<ArrayBuffer>> | undefined;
    try {
      this.scope(() => {
        numbers = this.read(body());
      });
      await this.recorder.flush();
    } catch (cause) {
      this.recorder.discard();
      throw cause;
    }
    if (!numbers) throw new Error('What was computed was not read.');
    return await numbers;
  }

  /** Runs `body`; what it made is released, but for the tensors it returns, which pass to the enclosing scope. */
  scope<T extends Tensor | readonly Tensor[] | undefined | void>(body: () => T): T {
    this.beginScope();
    let result: T;
    try {
      result = body();
    } catch (cause) {
      this.endScope();
      throw cause;
    }
    this.endScope(result instanceof Tensor ? [result] : (result ?? []));
    return result;
  }

  /** Runs `body` with this tape recording (undefined: nothing is recorded); afterwards what recorded before does again. */
  withTape<T>(tape: OpTape | undefined, body: () => T): T {
    const outer = this.tape;
    this.tape = tape;
    try {
      return body();
    } finally {
      this.tape = outer;
    }
  }

  /** Runs `body` with ops that compute so. On their way back they compute as they did on the way there: the tape sees to it. */
  computing<T>(arithmetic: Arithmetic, body: () => T): T {
    const outer = this.arithmetic;
    this.arithmetic = arithmetic;
    try {
      return body();
    } finally {
      this.arithmetic = outer;
    }
  }

  /** Gives back a tensor of the innermost scope before that scope ends: the tape keeps it where backward() needs it. */
  drop(tensor: Tensor): void {
    if (this.#scopes.at(-1)?.delete(tensor)) tensor.release();
  }

  /** Opens a scope across awaits (a training step); scope() is simpler wherever the work is synchronous. */
  beginScope(): void {
    this.#scopes.push(new Set());
  }

  /** Ends the innermost scope: releases what was made in it, but for `keep`, which passes to the enclosing scope. */
  endScope(keep: readonly Tensor[] = []): void {
    const kept = new Set(keep);
    for (const tensor of this.#scopes.pop() ?? []) {
      if (kept.has(tensor)) this.own(tensor);
      else tensor.release();
    }
  }

  /** Ends all scopes (after an error in the middle of a step). */
  resetScopes(): void {
    this.tape = undefined;
    while (this.#scopes.length > 0) this.endScope();
  }

  #uploaded(data: Float32Array | Uint32Array, shape: readonly number[], purpose: Purpose, isInput: boolean): Tensor {
    const tensor = this.tensor(shape, data instanceof Float32Array ? 'f32' : 'u32', purpose);
    if (tensor.size !== data.length) throw new Error(`${data.length} numbers do not fill shape [${shape.join(', ')}].`);
    this.recorder.upload(tensor.slice, data, isInput);
    return tensor;
  }

  /** Gives back all that it holds of its device, which stays open for others. */
  close(): void {
    this.recorder.close();
    this.resetScopes();
    this.pool.destroy();
  }

  destroy(): void {
    this.close();
    this.gpu.destroy();
  }
}
