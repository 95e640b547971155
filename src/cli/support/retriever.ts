import { readCentre } from '../../files/adapters/centreFile.ts';
import { readRetrieverUse, type RetrieverUse } from '../../files/adapters/sentenceTransformers.ts';
import type { FileLookup } from '../../files/formats/byteSource.ts';
import { embedTexts } from '../../run/embedding.ts';
import { Centre } from '../../models/centre.ts';
import type { Decoder } from '../../models/decoder.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Pretrained } from '../../run/pretrained.ts';
import { retrieverConfig } from '../../run/retrieverDepth.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { loadModel } from './modelFolder.ts';

/** What a retriever does where neither its files nor flags say anything. */
const PLAIN_USE: RetrieverUse = { pooling: 'mean', layers: 0 };

/** Settings of a retriever as its own files have them, for flags to change. @param beside the files beside its weights. */
export async function usualSettings(beside: FileLookup): Promise<Pick<Configuration, 'pooling' | 'retrieverDepth'>> {
  const { pooling, layers } = (await readRetrieverUse(beside)) ?? PLAIN_USE;
  return { pooling, retrieverDepth: layers };
}

export interface OpenRetrieverOptions {
  readonly configuration: Pick<Configuration, 'pooling' | 'retrieverDepth'>;
  /** A PEFT folder: where it lies, or its files. */
  readonly adapter: string | FileLookup | undefined;
  /** Where a centre lies: beside the adapter, or the checkpoint. */
  readonly beside: FileLookup;
  /** Most tokens of a text, its prefix and end token with them. */
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}

/** Vectors of length 1, [texts.length, width]. */
export type Embed = (
  role: 'query' | 'passage',
  texts: readonly string[],
  options?: { readonly onProgress?: ((fraction: number) => void) | undefined },
) => Promise<Float32Array<ArrayBuffer>>;

/** A retriever on the GPU. */
export interface CommandRetriever {
  readonly width: number;
  /** With its adapter, where it has one. */
  readonly embed: Embed;
  /** Without it: pooled, centred and as deep as the other, as it was before it learnt. */
  readonly embedUntrained: Embed;
  destroy(): void;
}

/** Puts a retriever on the GPU as it was used in training. @throws what loading a model throws */
export async function openRetriever(
  runtime: Runtime,
  pretrained: Pretrained,
  { configuration, adapter, beside, maxTokens, signal }: OpenRetrieverOptions,
): Promise<CommandRetriever> {
  const { hiddenSize: width } = pretrained.config;
  const config = retrieverConfig(configuration, pretrained.config);
  const model = await loadModel(runtime, pretrained, { head: false, adapter, signal, config });
  let centre: Centre | undefined;
  try {
    const numbers = await readCentre(beside, width);
    if (numbers) {
      centre = new Centre(runtime, width);
      centre.set(numbers);
    }
    const { pooling } = configuration;
    const embedBy =
      (decoder: Decoder): Embed =>
      (role, texts, { onProgress } = {}) =>
        embedTexts(runtime, decoder, pretrained.tokenizer, texts, {
          role,
          pooling,
          centre,
          maxTokens,
          signal,
          onProgress,
        });
    return {
      width,
      embed: embedBy(model.decoder),
      embedUntrained: embedBy(model.base),
      destroy() {
        centre?.destroy();
        model.destroy();
      },
    };
  } catch (cause) {
    centre?.destroy();
    model.destroy();
    throw cause;
  }
}
