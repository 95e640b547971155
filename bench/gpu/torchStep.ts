import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { layersAtDepth } from '../../src/models/depth.ts';
import { contextLayers } from '../../src/objectives/revela/options.ts';
import { loraConfig } from '../../src/run/loraShape.ts';
import type { MadeSteps, StepWork } from './qwenStep.ts';

/** How PyTorch holds and multiplies the frozen weights: as this engine computes, or as one would there. */
export const TORCH_DTYPES = ['float32', 'bfloat16'] as const;
export type TorchDtype = (typeof TORCH_DTYPES)[number];

/** What it runs on. */
export interface TorchDevice {
  readonly device: string;
  readonly torch: string;
  /** Numbers that learn. */
  readonly parameters: number;
}

/** PyTorch could not do it: its last words. */
export class TorchError extends Error {
  override readonly name = 'TorchError';
}

/** The same step in a process of Python that has torch, transformers and peft. */
export class TorchStep {
  readonly #answers: AsyncIterator<string>;
  #words = '';
  /** Once all of its words are here, or it never began. */
  readonly #ended: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#words = (this.#words + text).slice(-2000)));
    this.#ended = new Promise((resolve) => {
      child.on('close', resolve);
      child.on('error', (error) => resolve((this.#words += String(error))));
    });
    child.stdin?.on('error', () => undefined);
    if (!child.stdout) throw new Error('A child with pipes has an output.');
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param python the interpreter. @throws TorchError in the words of Python */
  static async open(
    python: string,
    { checkpoint, configuration, batch }: StepWork,
    dtype: TorchDtype,
  ): Promise<{ readonly step: TorchStep; readonly on: TorchDevice }> {
    const child = spawn(python, ['bench/gpu/torchStep.py'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Threads that spin while they wait take the cores from whoever is measured in turn.
      env: { ...process.env, PYTHONPATH: 'handover', OMP_WAIT_POLICY: 'PASSIVE', PYTHONUNBUFFERED: '1' },
    });
    const step = new TorchStep(child);
    const { num_hidden_layers: layers } = checkpoint as { num_hidden_layers: number };
    const depth = layersAtDepth(configuration.retrieverDepth, layers);
    step.#send({
      checkpoint,
      configuration,
      dtype,
      targets: loraConfig(configuration).targets,
      contextLayers: contextLayers(layers, configuration) ?? null,
      retrieverLayers: depth === layers ? null : (depth ?? null),
      rows: batch.tokens,
    });
    return { step, on: (await step.#answer()) as TorchDevice };
  }

  /** @throws TorchError */
  async make(count: number): Promise<MadeSteps & { readonly peakBytes: number | null }> {
    this.#send(count);
    return (await this.#answer()) as MadeSteps & { readonly peakBytes: number | null };
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  #send(value: unknown): void {
    this.child.stdin?.write(`${JSON.stringify(value)}\n`);
  }

  async #answer(): Promise<unknown> {
    const next = await this.#answers.next();
    if (next.done !== true) return JSON.parse(next.value) as unknown;
    await this.#ended;
    throw new TorchError(this.#words.trim().split('\n').at(-1) || 'It ended without a word.');
  }
}
