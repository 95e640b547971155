import { ModelFileError } from '../formats/byteSource.ts';
import { MODULES, POOLING_CONFIG } from './sentenceTransformers.ts';

/** A file that the user chose or dropped; `path` uses slashes and may begin with the folder's name. */
export interface LocalFile {
  readonly path: string;
  readonly blob: Blob;
}

/** A model's folder among files that were dropped. */
export interface ChosenFolder {
  /** '' for files that were chosen one by one. */
  readonly name: string;
  /** By path within the folder. */
  readonly blobs: ReadonlyMap<string, Blob>;
}

const depth = (folder: string): number => (folder === '' ? 0 : folder.split('/').length);

/**
 * The folder with config.json, or where sentence-transformers put the model into a folder of its own the one with modules.json; all
 * files where there is neither.
 * @throws ModelFileError for several models, or a file that is there twice.
 */
export function chooseFolder(files: readonly LocalFile[]): ChosenFolder {
  const split = files.map(({ path, blob }) => {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    return { folder: parts.slice(0, -1).join('/'), name: parts.at(-1) ?? '', blob };
  });
  /** Folders that have such a file, the least deep of them; what is deeper belongs to parts of the same model. */
  const shallowest = (file: string): string[] => {
    const folders = [...new Set(split.filter(({ name }) => name === file).map(({ folder }) => folder))];
    const least = Math.min(...folders.map(depth));
    return folders.filter((folder) => depth(folder) === least);
  };
  const [configs, modules] = [shallowest('config.json'), shallowest(MODULES)];
  const isAbove = (folder: string) => depth(folder) < depth(configs[0] ?? '');
  const rivals = modules.length > 0 && modules.every(isAbove) ? modules : configs;
  if (rivals.length > 1)
    throw new ModelFileError(
      `These are several models: there is a ${rivals === modules ? MODULES : 'config.json'} in ${rivals.map((folder) => folder || 'the files themselves').join(' and in ')}. Drop one model's folder at a time.`,
    );
  const [chosen] = rivals;
  const blobs = new Map<string, Blob>();
  for (const { folder, name, blob } of split) {
    // Without a config.json nothing can be loaded: the names only tell the user what was found.
    if (chosen === undefined) blobs.set(name, blob);
    else if (folder === chosen || chosen === '' || folder.startsWith(`${chosen}/`)) {
      const within = [folder.slice(chosen.length).replace(/^\//, ''), name].filter((part) => part !== '').join('/');
      // Other formats of the model lie beside it.
      if (within !== name && within !== POOLING_CONFIG && rivals !== modules) continue;
      if (blobs.has(within))
        throw new ModelFileError(`${within} is there twice. Drop the model's folder, or each of its files once.`);
      blobs.set(within, blob);
    }
  }
  return { name: chosen?.split('/').at(-1) ?? '', blobs };
}
