import type * as Library from '@huggingface/transformers';
import { pacer } from '../corpus/pacer.ts';
import type { Embedder } from '../retrieval/embedder.ts';
import { ModelFileError, type FileLookup } from '../files/formats/byteSource.ts';
import { ENCODER_POOLINGS, readEncoder, type EncoderCard } from './encoderFiles.ts';
import type { EncoderPooling } from './knownEncoders.ts';
import { pooled } from './pooling.ts';
import { surroundingOf, truncated } from './truncation.ts';

/** transformers.js, as this realm has loaded it: Node and browsers do so differently. */
export type TransformersLibrary = Pick<typeof Library, 'env' | 'AutoModel' | 'AutoTokenizer' | 'Tensor'>;

/** How an encoder is to be used. */
export interface EncoderUse {
  /** "all-MiniLM-L6-v2", for messages. */
  readonly name: string;
  /** Where the encoder's own files do not say. */
  readonly pooling?: EncoderPooling | undefined;
  /** Most tokens of a text, begin and end tokens with them; what the encoder's files say where it is left out, 256 at most. */
  readonly maxTokens?: number | undefined;
}

export interface OpenEncoderOptions extends EncoderUse {
  readonly signal?: AbortSignal | undefined;
  /** What is under way. */
  readonly onProgress?: ((detail: string) => void) | undefined;
}

/** A pretrained encoder that is ready to make vectors. */
export interface Encoder extends Embedder {
  readonly name: string;
  readonly card: EncoderCard;
  readonly maxTokens: number;
  /** How many of these texts are longer than what is read of them. */
  readonly countLonger: (role: 'query' | 'passage', texts: readonly string[]) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Encoders opened so far: each has a name of its own among what transformers.js remembers. */
let opened = 0;

/**
 * Opens an encoder by transformers.js, out of files that are here: nothing is fetched.
 *
 * Texts are embedded one by one. int8 weights scale activations by the range of whatever is read at once, so that in a batch a vector
 * would depend on the texts beside it.
 * @throws ModelFileError as readEncoder, and for weights that cannot be loaded; the signal's reason
 */
export async function openEncoder(
  library: TransformersLibrary,
  folder: FileLookup,
  { name, pooling: wished, maxTokens: wanted, signal, onProgress = () => undefined }: OpenEncoderOptions,
): Promise<Encoder> {
  signal?.throwIfAborted();
  onProgress(`Reading ${name}`);
  const { files, card } = await readEncoder(folder);
  const pooling = card.pooling ?? wished;
  if (pooling === undefined)
    throw new ModelFileError(
      `No file of ${name} says how it makes one vector of a text (1_Pooling/config.json). Its page does: give ${ENCODER_POOLINGS.join(', ')}.`,
    );
  const maxTokens = wanted ?? card.usualTokens;
  if (maxTokens > card.mostTokens)
    throw new ModelFileError(`${name} reads ${card.mostTokens} tokens of a text at most, not ${maxTokens}.`);
  const id = `encoder-${opened++}`;
  const { env, AutoModel, AutoTokenizer, Tensor } = library;
  Object.assign(env, {
    // Browsers have local models switched off, and would then not even ask the cache.
    allowLocalModels: true,
    allowRemoteModels: false,
    useBrowserCache: false,
    useFSCache: false,
    useWasmCache: false,
    useCustomCache: true,
    customCache: filesAsCache(id, files),
    // What the files do not have is nowhere: a server's page in its place would be taken for the file.
    fetch: () => Promise.resolve(new Response(null, { status: 404 })),
  });
  const tokenizer = await AutoTokenizer.from_pretrained(id).catch((cause: unknown) => {
    throw new ModelFileError(`tokenizer.json of ${name} cannot be used (${wordsOf(cause)}).`);
  });
  signal?.throwIfAborted();
  onProgress(`Loading ${name}`);
  // 'auto' takes whatever the runtime that was handed to the library has, which here is WebAssembly.
  const model = await AutoModel.from_pretrained(id, { dtype: card.weights.dtype, device: 'auto' }).catch(
    (cause: unknown) => {
      throw new ModelFileError(
        `${card.weights.name} of ${name} cannot be loaded: it was cut off, or is no ONNX file that this runtime knows (${wordsOf(cause)}). Get it again.`,
      );
    },
  );
  const own = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false });
  const surrounding = surroundingOf(tokenizer.encode('a'), own('a'));
  const prompts = { query: card.queryPrompt, passage: card.passagePrompt };
  const embedOne = async (tokens: readonly number[]): Promise<Float32Array> => {
    const shape = [1, tokens.length];
    const output = (await model({
      input_ids: new Tensor('int64', BigInt64Array.from(tokens, BigInt), shape),
      attention_mask: new Tensor('int64', new BigInt64Array(tokens.length).fill(1n), shape),
    })) as Readonly<Record<string, Library.Tensor | undefined>>;
    const states = output['last_hidden_state'] ?? output['token_embeddings'];
    if (states?.dims.at(-1) !== card.width || states.dims.at(-2) !== tokens.length)
      throw new ModelFileError(
        `${card.weights.name} of ${name} gives ${Object.keys(output).join(', ') || 'nothing'}${states ? ` of shape ${states.dims.join(' × ')}` : ''}, and not a state of ${card.width} numbers for each token. Take the export for feature extraction.`,
      );
    return pooled(states.data as Float32Array, card.width, pooling);
  };
  try {
    signal?.throwIfAborted();
    // What does not fit together shows now, and not after a long collection.
    await embedOne(truncated(own('a'), surrounding, maxTokens));
  } catch (cause) {
    await model.dispose();
    throw cause instanceof ModelFileError || signal?.aborted
      ? cause
      : new ModelFileError(`${name} cannot be run: its files do not fit together (${wordsOf(cause)}).`);
  }
  return {
    name,
    card: { ...card, pooling },
    maxTokens,
    dimensions: card.width,
    countLonger: async (role, texts) => {
      const pause = pacer(undefined, 'Counting');
      let longer = 0;
      for (const text of texts) {
        await pause();
        if (truncated(own(prompts[role] + text), surrounding, Infinity).length > maxTokens) longer++;
      }
      return longer;
    },
    async embed(role, texts, { signal: stop, onProgress: told }) {
      const pause = pacer(stop, 'Embedding');
      const vectors = new Float32Array(texts.length * card.width);
      for (const [i, text] of texts.entries()) {
        await pause();
        told?.(i / texts.length);
        vectors.set(await embedOne(truncated(own(prompts[role] + text), surrounding, maxTokens)), i * card.width);
      }
      return vectors;
    },
    close: async () => {
      await model.dispose();
    },
  };
}

/** The files of a folder as transformers.js asks a cache for them: by any address that has the model's name in it. */
function filesAsCache(id: string, files: FileLookup) {
  return {
    async match(key: string): Promise<Response | undefined> {
      const at = key.indexOf(`${id}/`);
      if (at < 0) return undefined;
      // An address on the hub has the revision in between.
      const name = key.slice(at + id.length + 1).replace(/^resolve\/[^/]+\//, '');
      const source = await files(name);
      if (!source) return undefined;
      const bytes = await source.read(0, source.size);
      return new Response(new Uint8Array(bytes), { headers: { 'content-length': String(bytes.length) } });
    },
    put: () => Promise.resolve(),
  };
}

function wordsOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]?.slice(0, 200) ?? '';
}
