import type { TensorToStore } from '../../files/formats/safetensors.ts';
import type { DecoderConfig } from '../../models/config.ts';
import type { Observer } from '../../models/decoder.ts';
import type { RevelaWatch } from '../../objectives/revela/objective.ts';
import type { RevelaForward } from '../../objectives/revela/revela.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tape } from '../../ops/core/tape.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import type { StepWatch } from '../../training/trainer.ts';
import type { TrainedTensor } from './goldenModels.ts';

/** What is watched, and how its rows lie. */
export interface Watched {
  readonly trained: readonly TrainedTensor[];
  readonly languageModel: DecoderConfig;
  /** Tokens of each language-model row of the batch. */
  readonly lengths: readonly number[];
}

/** Reads what the golden files hold of one step: keys, values and attention outputs, embeddings, gradients. */
export class WatchedStep implements StepWatch, RevelaWatch {
  #pending: Promise<TensorToStore[]>[] = [];
  #forward: RevelaForward | undefined;
  #isOver = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly of: Watched,
  ) {}

  readonly observePlain: Observer = (name, tensor) => {
    const { kvHeads, headDim } = this.of.languageModel;
    const [kind, layer] = name.split('.');
    if (kind === 'keys') this.#read(`plainKeys.${layer}`, tensor, [kvHeads, headDim]);
    if (kind === 'values') this.#read(`plainValues.${layer}`, tensor, [kvHeads, headDim]);
  };

  readonly observeInBatch: Observer = (name, tensor) => {
    const { heads, headDim } = this.of.languageModel;
    if (name.startsWith('attentionOutput.')) this.#read(name, tensor, [heads * headDim]);
  };

  readonly onForward = (forward: RevelaForward): void => {
    if (this.#isOver) return;
    this.#forward = forward;
    const { lengths } = this.of;
    this.#pending.push(this.runtime.read(forward.embeddings).then((values) => splitEmbeddings(values, lengths.length)));
  };

  keep(): Tensor[] {
    return this.#forward ? [this.#forward.similarity] : [];
  }

  onGradients(tape: Tape): void {
    if (!this.#forward) return;
    this.#pending.push(...similarityGradient(this.runtime, tape, this.#forward));
    this.#pending.push(...readTrained(this.runtime, this.of.trained, 'grad.', (tensor) => tensor.gradient));
  }

  /** All that was read, by name; later steps are not watched. */
  async tensors(): Promise<TensorToStore[]> {
    this.#isOver = true;
    const tensors = (await Promise.all(this.#pending.splice(0))).flat();
    return joinShards(tensors).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #read(name: string, tensor: Tensor, tail: readonly number[]): void {
    if (this.#isOver) return;
    const { lengths } = this.of;
    this.#pending.push(this.runtime.read(tensor).then((values) => [padRows(name, values, lengths, tail)]));
  }
}

/** Packed rows [T, …tail] as [B, L, …tail], zero where a row has ended. */
function padRows(
  name: string,
  packed: Float32Array,
  lengths: readonly number[],
  tail: readonly number[],
): TensorToStore {
  const width = tail.reduce((product, length) => product * length, 1);
  const longest = Math.max(...lengths);
  const data = new Float32Array(lengths.length * longest * width);
  let start = 0;
  lengths.forEach((length, row) => {
    data.set(packed.subarray(start * width, (start + length) * width), row * longest * width);
    start += length;
  });
  return { name, shape: [lengths.length, longest, ...tail], data };
}

function splitEmbeddings(values: Float32Array, batch: number): TensorToStore[] {
  const half = values.length / 2;
  const shape = [batch, half / batch];
  return [
    { name: 'embeddings.query', shape, data: values.slice(0, half) },
    { name: 'embeddings.passage', shape, data: values.slice(half) },
  ];
}

function similarityGradient(runtime: Runtime, tape: Tape, forward: RevelaForward): Promise<TensorToStore[]>[] {
  const { shape, size, requiresGrad } = forward.similarity;
  if (!requiresGrad) return [];
  const gradient = tape.gradientOf(forward.similarity);
  // Where no layer reads its neighbours the loss does not depend on S: the gradient is 0, not absent.
  const values = gradient ? runtime.read(gradient) : Promise.resolve(new Float32Array(size));
  return [values.then((data) => [{ name: 'grad.similarity', shape, data }])];
}

/** Puts the shards of a table, which come in order under one name, together again. */
export function joinShards(tensors: readonly TensorToStore[]): TensorToStore[] {
  const joined = new Map<string, TensorToStore>();
  for (const tensor of tensors) {
    const before = joined.get(tensor.name);
    if (!before) {
      joined.set(tensor.name, tensor);
      continue;
    }
    const data = new Float32Array(before.data.length + tensor.data.length);
    data.set(before.data);
    data.set(tensor.data, before.data.length);
    const [rows = 0, ...tail] = before.shape;
    joined.set(tensor.name, { name: tensor.name, shape: [rows + (tensor.shape[0] ?? 0), ...tail], data });
  }
  return [...joined.values()];
}

/** Records reads of trained tensors (or of what `what` gives for each), under the names of the golden files. */
export function readTrained(
  runtime: Runtime,
  trained: readonly TrainedTensor[],
  prefix: string,
  what: (tensor: Tensor) => Tensor | undefined,
): Promise<TensorToStore[]>[] {
  return trained.flatMap(({ tensor, parts }) => {
    const source = what(tensor);
    if (!source) return [];
    const tail = tensor.shape.slice(1);
    const width = tail.reduce((product, length) => product * length, 1);
    return [
      runtime.read(source).then((values) =>
        parts.map(({ name, rowOffset, rows }) => {
          // A shard of a table begins inside the named tensor: its rowOffset is negative.
          const first = Math.max(0, rowOffset);
          return {
            name: prefix + name,
            shape: [rows, ...tail],
            data: values.slice(first * width, (first + rows) * width),
          };
        }),
      ),
    ];
  });
}
