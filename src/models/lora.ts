import type { Lora } from '../ops/linear.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { DecoderConfig } from './config.ts';
import {
  linearShape,
  MERGED_LINEARS,
  MERGED_LINEAR_NAMES,
  namedParts,
  type MergedLinear,
  type NamedPart,
} from './layout.ts';
import { ParameterSet } from './parameters.ts';

/** The projections that may carry an adapter, as PEFT names them. */
export const LORA_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export interface LoraConfig {
  readonly rank: number;
  /** Updates are scaled by alpha / rank. */
  readonly alpha: number;
  readonly targets: readonly LoraTarget[];
  /** Where not all layers are adapted: those that are. */
  readonly layers?: readonly number[];
}

/** One adapter tensor on the GPU and the names its rows have in a PEFT file, relative to the decoder ("layers.0.self_attn…"). */
export interface LoraSpec {
  readonly key: string;
  readonly matrix: 'A' | 'B';
  readonly shape: readonly number[];
  readonly parts: readonly NamedPart[];
}

interface LayerLora {
  readonly key: string;
  /** Row ranges of the merged output that carry an adapter. */
  readonly outputs: readonly { readonly rowOffset: number; readonly rows: number; readonly key: string }[];
}

/**
 * Low-rank adapters of one decoder: y += (alpha/rank)·(x Aᵀ) Bᵀ for each target (Hu et al. 2021). The A matrices of
 * projections that read the same input lie in one tensor, so x Aᵀ is one product.
 */
export class LoraAdapter {
  readonly parameters: ParameterSet;
  readonly specs: readonly LoraSpec[];
  readonly #layers: readonly Partial<Record<MergedLinear, LayerLora>>[];

  constructor(
    runtime: Runtime,
    decoder: DecoderConfig,
    readonly config: LoraConfig,
  ) {
    const specs: LoraSpec[] = [];
    const layers: Partial<Record<MergedLinear, LayerLora>>[] = [];
    for (let layer = 0; layer < decoder.layers; layer++) {
      const entry: Partial<Record<MergedLinear, LayerLora>> = {};
      for (const linear of config.layers?.includes(layer) === false ? [] : MERGED_LINEAR_NAMES) {
        const { columns, rows } = linearShape(decoder, linear);
        const parts = namedParts(MERGED_LINEARS[linear], rows).filter(({ name }) =>
          config.targets.some((target) => name.endsWith(target)),
        );
        if (parts.length === 0) continue;
        const name = (part: NamedPart) => `layers.${layer}.${part.name}`;
        const key = `${layer}.${linear}.A`;
        specs.push({
          key,
          matrix: 'A',
          shape: [parts.length * config.rank, columns],
          parts: namedParts(
            parts.map((part) => `${name(part)}.lora_A.weight`),
            parts.map(() => config.rank),
          ),
        });
        const outputs = parts.map((part) => {
          const outputKey = `${layer}.${part.name}.B`;
          specs.push({
            key: outputKey,
            matrix: 'B',
            shape: [part.rows, config.rank],
            parts: [{ name: `${name(part)}.lora_B.weight`, rowOffset: 0, rows: part.rows }],
          });
          return { rowOffset: part.rowOffset, rows: part.rows, key: outputKey };
        });
        entry[linear] = { key, outputs };
      }
      layers.push(entry);
    }
    this.specs = specs;
    this.#layers = layers;
    this.parameters = new ParameterSet(runtime, specs);
  }

  /** What a linear map of a layer has to add, or undefined where no adapter sits. */
  term(layer: number, linear: MergedLinear): Lora | undefined {
    const entry = this.#layers[layer]?.[linear];
    if (!entry) return undefined;
    return {
      scale: this.config.alpha / this.config.rank,
      rank: this.config.rank,
      a: this.parameters.tensor(entry.key),
      parts: entry.outputs.map(({ rowOffset, rows, key }) => ({ rowOffset, rows, b: this.parameters.tensor(key) })),
    };
  }

  destroy(): void {
    this.parameters.destroy();
  }
}
