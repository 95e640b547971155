import { memorySource, type ByteSource, type FileLookup } from '../../formats/byteSource.ts';
import { openGguf, type GgufFile } from '../../formats/gguf/gguf.ts';
import { GGUF_WEIGHTS } from '../modelFiles.ts';
import { ggufConfig } from './ggufConfig.ts';
import { ggufTokenizer } from './ggufTokenizer.ts';
import { namedTensors } from './ggufWeights.ts';
import { PACKED_ORIGIN, packedOrigin } from './packedOrigin.ts';

/**
 * The folder in the Hugging Face format that a GGUF file stands for: its weights as `model.gguf` (openWeights reads them), and the
 * small files made from its metadata, so that whoever opens a model's folder can open a GGUF file.
 * @param original the repository of the model that it packs, where that is known better than from the file
 * @throws GgufError, ModelConfigError when the file is damaged or cannot be run.
 */
export async function ggufFolder(source: ByteSource, original?: string): Promise<FileLookup> {
  return folderOf(await openGguf(source), original);
}

/** The same of a file that is open. */
export async function folderOf(file: GgufFile, original?: string): Promise<FileLookup> {
  namedTensors(file);
  const { tokenizerJson, tokenizerConfig, generationConfig } = ggufTokenizer(file);
  const made: Readonly<Record<string, unknown>> = {
    'config.json': await ggufConfig(file),
    'tokenizer.json': tokenizerJson,
    'tokenizer_config.json': tokenizerConfig,
    'generation_config.json': generationConfig,
    [PACKED_ORIGIN]: packedOrigin(file, original),
  };
  return (name) => {
    if (name === GGUF_WEIGHTS) return Promise.resolve(file.source);
    if (!Object.hasOwn(made, name)) return Promise.resolve(undefined);
    return Promise.resolve(memorySource(name, new TextEncoder().encode(JSON.stringify(made[name]))));
  };
}
