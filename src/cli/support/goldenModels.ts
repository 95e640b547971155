import { join } from 'node:path';
import { loadAdapter, type LoadedAdapter } from '../../files/adapters/peft.ts';
import { loadDecoder, readDecoderConfig, type LoadOptions } from '../../files/models/decoderFiles.ts';
import { Centre } from '../../models/centre.ts';
import { Decoder } from '../../models/decoder.ts';
import { retrieverConfig } from '../../run/retrieverDepth.ts';
import type { NamedPart } from '../../models/layout.ts';
import type { DecoderWeights } from '../../models/weights.ts';
import type { Arithmetic } from '../../ops/core/arithmetic.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { measureCentre } from '../../run/centring.ts';
import { buildModels, type Keep, type ModelSource, type RunModels } from '../../run/buildModels.ts';
import { readGoldenBatches, type GoldenOptions } from './goldenFolder.ts';
import { folderFiles } from './nodeFiles.ts';

/** A trained tensor under the names of the golden files; merged tensors hold several parts. */
export interface TrainedTensor {
  readonly tensor: Tensor;
  readonly parts: readonly NamedPart[];
}

export interface GoldenModels {
  readonly models: RunModels;
  readonly trained: readonly TrainedTensor[];
}

/** How the bases lie on the GPU, and how is computed with them; the goldens hold whatever it is, but for products of 16 bits. */
export interface BaseOptions extends Pick<LoadOptions, 'precision' | 'shardRows'> {
  readonly arithmetic?: Arithmetic;
}

/** Loads both models of a golden folder, with their adapters, and says what of them is trained. */
export async function loadGoldenModels(
  runtime: Runtime,
  folder: string,
  options: GoldenOptions,
  bases: BaseOptions = {},
): Promise<GoldenModels> {
  const source = new GoldenSource(runtime, folder, options, bases);
  const { freezeRetriever, freezeLanguageModel } = options;
  const models = await buildModels(source, {
    needsLanguageModel: true,
    learns: { retriever: !freezeRetriever, languageModel: !freezeLanguageModel },
  });
  const { retriever, languageModel, centre } = models;
  if (centre) await measureCentre(runtime, retriever, centre, await readGoldenBatches(folder), options.pooling);
  return {
    models,
    trained: [
      ...(freezeRetriever ? [] : trainedTensors('retriever', retriever.weights, source.adapters.get('retriever'))),
      ...(freezeLanguageModel || !languageModel
        ? []
        : trainedTensors('lm', languageModel.weights, source.adapters.get('lm'))),
    ],
  };
}

type Model = 'retriever' | 'lm';

/** The models of a golden folder, as a run takes them. */
class GoldenSource implements ModelSource {
  readonly adapters = new Map<Model, LoadedAdapter>();

  constructor(
    private readonly runtime: Runtime,
    private readonly folder: string,
    private readonly options: GoldenOptions,
    private readonly bases: BaseOptions,
  ) {}

  languageModel(keep: Keep): Promise<Decoder> {
    return this.#decoder(keep, 'lm', this.options.lmBase);
  }

  retriever(keep: Keep, languageModel: Decoder | undefined): Promise<Decoder> {
    const { train, retrieverBase, lmBase } = this.options;
    // Frozen weights of the same base exist once; trained ones belong to one model each.
    const isShared = train === 'lora' && retrieverBase === lmBase;
    return this.#decoder(keep, 'retriever', retrieverBase, isShared ? languageModel?.weights : undefined);
  }

  gates(): undefined {
    return undefined;
  }

  centre(keep: Keep, { config }: Decoder): Centre | undefined {
    return this.options.centring ? keep(new Centre(this.runtime, config.hiddenSize)) : undefined;
  }

  untrainedRetriever(): never {
    throw new Error('A golden folder is not searched: this is a bug.');
  }

  async #decoder(keep: Keep, model: Model, base: string, shared?: DecoderWeights): Promise<Decoder> {
    const files = folderFiles(join(this.folder, base));
    const whole = await readDecoderConfig(files);
    const config = model === 'lm' ? whole : retrieverConfig(this.options, whole);
    const { arithmetic, ...stored } = this.bases;
    const how = { head: model === 'lm', trainable: this.options.train === 'full', ...stored };
    const weights = shared ?? keep(await loadDecoder(this.runtime, files, config, how));
    const loaded = await loadAdapter(this.runtime, folderFiles(join(this.folder, `${model}_adapter`)), config);
    if (loaded) {
      keep(loaded.adapter);
      this.adapters.set(model, loaded);
    }
    return new Decoder(config, weights, loaded?.adapter, arithmetic);
  }
}

function trainedTensors(model: Model, weights: DecoderWeights, loaded: LoadedAdapter | undefined): TrainedTensor[] {
  if (loaded)
    return loaded.adapter.specs.map(({ key, parts }) => ({
      tensor: loaded.adapter.parameters.tensor(key),
      parts: parts.map((part) => ({ ...part, name: `${model}/${loaded.prefix}${part.name}` })),
    }));
  return weights.specs.map(({ key, parts }) => ({
    tensor: weights.tensor(key),
    parts: parts.map((part) => ({
      ...part,
      // A retriever is a model without a head, whose names have no prefix.
      name: `${model}/${model === 'lm' ? part.name : part.name.replace(/^model\./, '')}`,
    })),
  }));
}
