import { blobSource, ModelFileError, type FileLookup } from '../files/formats/byteSource.ts';
import type { LocalFile } from '../files/models/chooseFolder.ts';
import { MODULES } from '../files/models/sentenceTransformers.ts';
import { ENCODER_WEIGHTS } from './encoderFiles.ts';

/**
 * An encoder's folder among files that were dropped: the one nearest to the top that has a config.json or modules.json. Weights that
 * were chosen one by one may lie beside it instead of in onnx/.
 * @throws ModelFileError where there is none, or several
 */
export function localEncoder(files: readonly LocalFile[]): { readonly name: string; readonly files: FileLookup } {
  const blobs = new Map(
    files.map(({ path, blob }) => [
      path
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .join('/'),
      blob,
    ]),
  );
  const folders = [...blobs.keys()].flatMap((path) => {
    const parts = path.split('/');
    return ['config.json', MODULES].includes(parts.at(-1) ?? '') ? [parts.slice(0, -1)] : [];
  });
  const least = Math.min(...folders.map(({ length }) => length));
  const [root, ...others] = new Set(folders.filter(({ length }) => length === least).map((parts) => parts.join('/')));
  if (root === undefined)
    throw new ModelFileError(
      `There is no config.json among these ${files.length === 1 ? 'files (1)' : `${files.length} files`}. Choose an encoder’s whole folder: config.json, tokenizer.json, tokenizer_config.json and onnx/model_quantized.onnx or onnx/model.onnx.`,
    );
  if (others.length > 0)
    throw new ModelFileError(`These are several encoders: ${[root, ...others].join(', ')}. Choose one folder.`);
  const at = (name: string): Blob | undefined => blobs.get(root === '' ? name : `${root}/${name}`);
  return {
    name: root.split('/').at(-1) || 'encoder',
    files: (name) => {
      const isWeights = ENCODER_WEIGHTS.some((weights) => weights.name === name);
      const blob = at(name) ?? (isWeights ? at(name.replace(/^onnx\//, '')) : undefined);
      return Promise.resolve(blob && blobSource(name, blob));
    },
  };
}
