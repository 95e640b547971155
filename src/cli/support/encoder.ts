import { openEncoder, type Encoder, type OpenEncoderOptions } from '../../encoder/encoder.ts';
import { ModelFileError } from '../../files/formats/byteSource.ts';
import { requireFolder } from './modelFolder.ts';
import { folderFiles } from './nodeFiles.ts';
import { ProgressLine } from './reports.ts';
import { loadTransformers } from './transformers.ts';
import { folderName } from './usage.ts';

/** The folder of --encoder, ready to embed. @throws UsageError where there is none, ModelFileError that names it */
export async function openEncoderFolder(
  path: string,
  options: Omit<OpenEncoderOptions, 'name' | 'onProgress'>,
): Promise<Encoder> {
  await requireFolder(path);
  const line = new ProgressLine();
  const started = performance.now();
  try {
    const library = await loadTransformers();
    const onProgress = (detail: string): void => line.update(detail);
    const encoder = await openEncoder(library, folderFiles(path), { ...options, name: folderName(path), onProgress });
    const { kind, width, pooling, weights } = encoder.card;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    line.end(
      `${encoder.name}: ${kind}, ${weights.dtype}, ${width} numbers a text, ${pooling} of at most ${encoder.maxTokens} tokens; loaded in ${seconds} s`,
    );
    return encoder;
  } catch (cause) {
    line.end('');
    throw cause instanceof ModelFileError ? new ModelFileError(`${path}: ${cause.message}`) : cause;
  }
}
