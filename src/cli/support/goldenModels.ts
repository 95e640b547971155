import { join } from 'node:path';
import { loadDecoder, readDecoderConfig, type LoadOptions } from '../../files/models/decoderFiles.ts';
import { loadAdapter, type LoadedAdapter } from '../../files/adapters/peft.ts';
import { Decoder } from '../../models/decoder.ts';
import type { NamedPart } from '../../models/layout.ts';
import type { DecoderWeights } from '../../models/weights.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import type { ParameterGroup } from '../../training/optimiser.ts';
import type { GoldenOptions } from './goldenFolder.ts';
import { folderFiles } from './nodeFiles.ts';

/** A trained tensor under the names of the golden files; merged tensors hold several parts. */
export interface TrainedTensor {
  readonly tensor: Tensor;
  readonly parts: readonly NamedPart[];
}

export interface GoldenModels {
  readonly retriever: Decoder;
  readonly languageModel: Decoder;
  readonly groups: readonly ParameterGroup[];
  readonly trained: readonly TrainedTensor[];
  destroy(): void;
}

/** How the bases lie on the GPU; the goldens hold whatever it is. */
export type BaseOptions = Pick<LoadOptions, 'precision' | 'shardRows'>;

/** Loads both models of a golden folder, with their adapters, and says what of them is trained. */
export async function loadGoldenModels(
  runtime: Runtime,
  folder: string,
  options: GoldenOptions,
  bases: BaseOptions = {},
): Promise<GoldenModels> {
  const full = options.train === 'full';
  const owned: { destroy(): void }[] = [];
  const load = async (base: string, head: boolean, trainable: boolean): Promise<Decoder> => {
    const files = folderFiles(join(folder, base));
    const config = await readDecoderConfig(files);
    const weights = await loadDecoder(runtime, files, config, { head, trainable, ...bases });
    owned.push(weights);
    return new Decoder(config, weights);
  };
  const lmBase = await load(options.lmBase, true, full);
  // Frozen weights of the same base exist once; trained ones belong to one model each.
  const retrieverBase =
    !full && options.retrieverBase === options.lmBase ? lmBase : await load(options.retrieverBase, false, full);
  const retrieverAdapter = await loadAdapter(
    runtime,
    folderFiles(join(folder, 'retriever_adapter')),
    retrieverBase.config,
  );
  const lmAdapter = await loadAdapter(runtime, folderFiles(join(folder, 'lm_adapter')), lmBase.config);
  for (const loaded of [retrieverAdapter, lmAdapter]) if (loaded) owned.push(loaded.adapter);

  const groups: ParameterGroup[] = [];
  const trained: TrainedTensor[] = [];
  const train = (
    model: 'retriever' | 'lm',
    frozen: boolean,
    weights: DecoderWeights,
    loaded: LoadedAdapter | undefined,
  ) => {
    for (const parameters of [weights.parameters, loaded?.adapter.parameters]) {
      if (!parameters) continue;
      parameters.setTrainable(!frozen);
      if (!frozen) groups.push({ name: `${model}.${groups.length}`, parameters });
    }
    if (frozen) return;
    if (weights.parameters)
      for (const { key, parts } of weights.specs)
        trained.push({
          tensor: weights.tensor(key),
          parts: parts.map((part) => ({
            ...part,
            name: `${model}/${model === 'lm' ? part.name : part.name.replace(/^model\./, '')}`,
          })),
        });
    if (loaded)
      for (const { key, parts } of loaded.adapter.specs)
        trained.push({
          tensor: loaded.adapter.parameters.tensor(key),
          parts: parts.map((part) => ({ ...part, name: `${model}/${loaded.prefix}${part.name}` })),
        });
  };
  train('retriever', options.freezeRetriever, retrieverBase.weights, retrieverAdapter);
  train('lm', options.freezeLanguageModel, lmBase.weights, lmAdapter);
  return {
    retriever: new Decoder(retrieverBase.config, retrieverBase.weights, retrieverAdapter?.adapter),
    languageModel: new Decoder(lmBase.config, lmBase.weights, lmAdapter?.adapter),
    groups,
    trained,
    destroy: () => owned.forEach((resource) => resource.destroy()),
  };
}
