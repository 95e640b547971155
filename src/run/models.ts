import { Random } from '../corpus/random.ts';
import type { DecoderConfig } from '../models/config.ts';
import type { Decoder } from '../models/decoder.ts';
import { LayerGates } from '../models/gates.ts';
import { initialAdapter } from '../models/initialisation.ts';
import { LORA_TARGETS, LoraAdapter } from '../models/lora.ts';
import { fixedGates } from '../objectives/revela.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { ParameterGroup } from '../training/optimiser.ts';
import type { Learners } from '../training/parameterGroups.ts';
import type { Configuration } from '../settings/configuration.ts';

/** The two models of a run, and what of them is trained. */
export interface LabModels {
  readonly retriever: Decoder;
  readonly languageModel: Decoder;
  /** γ of each layer, where it is learnt. */
  readonly gates: LayerGates | undefined;
  readonly groups: readonly ParameterGroup[];
  /** The retriever as it was before the first step, for comparison. The caller destroys it. */
  untrainedRetriever(): Promise<{ readonly decoder: Decoder; destroy(): void }>;
  destroy(): void;
}

/** Which of the two learn. A control leaves the retriever without a gradient: training it would only decay its weights. */
export function learners({ freezeRetriever, freezeLanguageModel, attention }: Configuration): Learners {
  return { retriever: !freezeRetriever && attention === 'learned', languageModel: !freezeLanguageModel };
}

/** The layers that read their neighbours; undefined: all. */
export function contextLayers(layers: number, { contextLayers: which }: Configuration): number[] | undefined {
  if (which === 'all') return undefined;
  return Array.from({ length: layers }, (_, layer) => layer).slice(Math.floor(layers / 2));
}

/** γ as parameters, where the configuration asks for it. */
export function newGates(runtime: Runtime, configuration: Configuration, layers: number): LayerGates | undefined {
  if (!configuration.learnGate) return undefined;
  const { contextGate } = configuration;
  return new LayerGates(
    runtime,
    fixedGates(layers, { contextGate, contextLayers: contextLayers(layers, configuration) }),
  );
}

/** A fresh adapter with PEFT's first weights (A random, B zero: the model starts unchanged), drawn from the run's seed. */
export function newAdapter(
  runtime: Runtime,
  decoder: DecoderConfig,
  { rank, alpha, seed }: Configuration,
  name: string,
): LoraAdapter {
  const adapter = new LoraAdapter(runtime, decoder, { rank, alpha, targets: LORA_TARGETS });
  const source = Random.fromSeed(seed).fork(`adapter of the ${name}`);
  for (const [key, data] of initialAdapter(adapter, () => source.uniform()))
    runtime.recorder.upload(adapter.parameters.tensor(key).slice, data);
  return adapter;
}
