import type { Tensor } from '../ops/core/tensor.ts';
import type { OpenRun } from './openRun.ts';

/** Bytes of parameters that are kept beside the run: small models and adapters; a model trained whole is scored before its first step. */
const MOST_BYTES = 64 * 2 ** 20;

type Numbers = Promise<Float32Array<ArrayBuffer>>[];

/** What a run trains as it was before the first step, kept in this machine's memory for as long as it is still to be scored. */
export class Beginning {
  private constructor(
    private readonly run: OpenRun,
    private readonly blocks: readonly Tensor[],
    private readonly numbers: Numbers,
  ) {}

  /** Of a run before its first step. Its numbers come with the next flush. @returns undefined where they are too many */
  static of(run: OpenRun): Beginning | undefined {
    const { optimiser } = run.experiment;
    const blocks = optimiser.groups.flatMap(({ parameters }) => parameters.blocks.map((block) => block.parameters));
    const bytes = blocks.reduce((sum, { size }) => sum + 4 * size, 0);
    return bytes > MOST_BYTES ? undefined : new Beginning(run, blocks, read(run, blocks));
  }

  /**
   * Does `work` on the run as it was before its first step; afterwards it is to the bit where it was.
   * @throws what `work` throws, and the GPU's errors
   */
  async again<T>(work: () => Promise<T>): Promise<T> {
    const { runtime, experiment } = this.run;
    const { optimiser } = experiment;
    const { recorder } = runtime;
    const { step } = optimiser;
    const beginning = await Promise.all(this.numbers);
    const reading = read(this.run, this.blocks);
    await recorder.flush();
    const now = await Promise.all(reading);
    this.#put(beginning);
    optimiser.step = 0;
    try {
      return await work();
    } finally {
      optimiser.step = step;
      this.#put(now);
      // At once: what is recorded and not sent may yet be discarded by something else that fails.
      await recorder.flush();
    }
  }

  #put(numbers: readonly Float32Array<ArrayBuffer>[]): void {
    const { recorder } = this.run.runtime;
    this.blocks.forEach((block, i) => recorder.upload(block.slice, numbers[i] ?? new Float32Array()));
  }
}

function read({ runtime }: OpenRun, blocks: readonly Tensor[]): Numbers {
  return blocks.map((block) => runtime.read(block));
}
