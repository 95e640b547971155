import { Random } from '../corpus/random.ts';
import { Centre } from '../models/centre.ts';
import type { DecoderConfig } from '../models/config.ts';
import type { Decoder } from '../models/decoder.ts';
import { LayerGates } from '../models/gates.ts';
import { initialAdapter } from '../models/initialisation.ts';
import { LoraAdapter } from '../models/lora.ts';
import { contextLayers } from '../objectives/revela/options.ts';
import { fixedGates } from '../objectives/revela/revela.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { whyIdle } from '../settings/applicability.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { Keep } from './buildModels.ts';
import { loraConfig } from './loraShape.ts';

/** Whether γ is learnt: it is asked for, and chunks read their neighbours. */
export function learnsGate(configuration: Configuration): boolean {
  return configuration.learnGate && whyIdle('learnGate', configuration) === undefined;
}

/** γ as parameters, where the configuration asks for it. */
export function newGates(
  runtime: Runtime,
  configuration: Configuration,
  keep: Keep,
  { config: { layers } }: Decoder,
): LayerGates | undefined {
  if (!learnsGate(configuration)) return undefined;
  const { contextGate } = configuration;
  return keep(
    new LayerGates(runtime, fixedGates(layers, { contextGate, contextLayers: contextLayers(layers, configuration) })),
  );
}

/** Room for the retriever's centre, where the configuration asks for one. */
export function newCentre(
  runtime: Runtime,
  { centring }: Configuration,
  keep: Keep,
  { config: { hiddenSize } }: Decoder,
): Centre | undefined {
  return centring ? keep(new Centre(runtime, hiddenSize)) : undefined;
}

/** A fresh adapter with PEFT's first weights (A random, B zero: the model starts unchanged), drawn from the run's seed. */
export function newAdapter(
  runtime: Runtime,
  decoder: DecoderConfig,
  configuration: Configuration,
  name: string,
): LoraAdapter {
  const adapter = new LoraAdapter(runtime, decoder, loraConfig(configuration));
  const source = Random.fromSeed(configuration.seed).fork(`adapter of the ${name}`);
  for (const [key, data] of initialAdapter(adapter, () => source.uniform()))
    runtime.recorder.upload(adapter.parameters.tensor(key).slice, data);
  return adapter;
}
