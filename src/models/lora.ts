import type { Lora, LoraDropout } from '../ops/linear.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { DecoderConfig } from './config.ts';
import { dropoutSite, type PassDropout } from './dropoutSites.ts';
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

/** Keys of the two tensors of a merged linear map, and the row ranges of its output that carry an adapter. */
interface LayerLora {
  readonly a: string;
  readonly b: string;
  readonly parts: Lora['parts'];
  /** Which of LORA_TARGETS each part is of. */
  readonly projections: readonly number[];
}

/**
 * Low-rank adapters of one decoder: y += (alpha/rank)·(x Aᵀ) Bᵀ for each target (Hu et al. 2021). The A matrices of
 * projections that read the same input lie in one tensor, and their B matrices in another, so that each is one product.
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
        const keys = { a: `${layer}.${linear}.A`, b: `${layer}.${linear}.B` };
        specs.push({
          key: keys.a,
          matrix: 'A',
          shape: [parts.length * config.rank, columns],
          parts: namedParts(
            parts.map((part) => `${name(part)}.lora_A.weight`),
            parts.map(() => config.rank),
          ),
        });
        specs.push({
          key: keys.b,
          matrix: 'B',
          shape: [parts.reduce((sum, part) => sum + part.rows, 0), config.rank],
          parts: namedParts(
            parts.map((part) => `${name(part)}.lora_B.weight`),
            parts.map((part) => part.rows),
          ),
        });
        entry[linear] = {
          ...keys,
          parts: parts.map(({ rowOffset, rows: own }) => ({ rowOffset, rows: own })),
          projections: parts.map((part) => LORA_TARGETS.findIndex((target) => part.name.endsWith(target))),
        };
      }
      layers.push(entry);
    }
    this.specs = specs;
    this.#layers = layers;
    this.parameters = new ParameterSet(runtime, specs);
  }

  /** What a linear map of a layer has to add, or undefined where no adapter sits. `dropout` is of adapters that learn. */
  term(layer: number, linear: MergedLinear, dropout?: PassDropout): Lora | undefined {
    const entry = this.#layers[layer]?.[linear];
    if (!entry) return undefined;
    const a = this.parameters.tensor(entry.a);
    return {
      scale: this.config.alpha / this.config.rank,
      rank: this.config.rank,
      a,
      b: this.parameters.tensor(entry.b),
      parts: entry.parts,
      dropout: dropout && a.requiresGrad ? masksFor(dropout, layer, entry.projections) : undefined,
    };
  }

  destroy(): void {
    this.parameters.destroy();
  }
}

function masksFor({ rate, key, pass }: PassDropout, layer: number, projections: readonly number[]): LoraDropout {
  return { rate, key, sites: projections.map((projection) => dropoutSite(pass, layer, projection)) };
}
