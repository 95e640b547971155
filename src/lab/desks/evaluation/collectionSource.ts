import { divideText } from '../../../corpus/sources/division/division.ts';
import { readCollection } from '../../../evaluation/collections/beir.ts';
import { loadBuiltIn } from '../../../evaluation/collections/builtIn.ts';
import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import { filesOfZip, type GivenFiles } from '../../../evaluation/collections/collectionFiles.ts';
import { collectionOfText } from '../../../evaluation/collections/ownText.ts';
import { blobSource } from '../../../files/formats/byteSource.ts';
import { readZip } from '../../../files/formats/zipReader.ts';
import type { CollectionSource, EvaluationProgress } from '../../door/evaluationViews.ts';
import type { ChosenFile } from '../../door/protocol.ts';

/** Who asks: told what is under way, between two pieces of which they can end it. */
export interface EvaluationRequest {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: EvaluationProgress) => void;
}

/**
 * Reads a collection from wherever it is said to come from.
 * @throws CollectionError that names files and lines; ModelFileError for a zip file that is none; CorpusError for a text that cannot be
 * divided, or `aborted`
 */
export async function readSource(source: CollectionSource, request: EvaluationRequest): Promise<LabelledCollection> {
  const { signal } = request;
  const onProgress = (detail: string, fraction: number): void => request.onProgress({ detail, fraction });
  switch (source.from) {
    case 'builtIn':
      return loadBuiltIn(source.id, { signal, onProgress });
    case 'files':
      return readCollection(await givenFiles(source.files), { split: source.split || undefined, signal, onProgress });
    case 'text': {
      const { text, title, configuration } = source;
      const { documents } = await divideText(text, {
        unit: configuration.documentUnit,
        column: configuration.column,
        signal,
        onProgress: (fraction) => onProgress('Dividing the text', fraction),
      });
      return collectionOfText(documents, { title, fileNames: text.files.map(({ name }) => name), signal });
    }
  }
}

/** A zip file is what it holds. */
async function givenFiles(files: readonly ChosenFile[]): Promise<GivenFiles> {
  const [only] = files;
  if (only && files.length === 1 && /\.zip$/i.test(only.path))
    return filesOfZip(baseName(only.path), await readZip(blobSource(only.path, only.blob)));
  const byPath = new Map(files.map(({ path, blob }) => [path, blobSource(path, blob)]));
  return {
    name: commonFolder(files) || (only && files.length === 1 ? only.path : `${files.length} files`),
    names: [...byPath.keys()],
    files: (path) => Promise.resolve(byPath.get(path)),
  };
}

/** The folder that all files lie in; '' where there is none. */
function commonFolder(files: readonly ChosenFile[]): string {
  const folders = new Set(files.map(({ path }) => path.slice(0, Math.max(0, path.indexOf('/')))));
  const [folder = ''] = folders;
  return folders.size === 1 ? folder : '';
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
