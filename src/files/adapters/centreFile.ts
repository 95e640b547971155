import { ModelFileError, type FileLookup } from '../formats/byteSource.ts';
import { sealedChunks } from '../formats/checksum.ts';
import type { NamedFile } from '../formats/zipWriter.ts';
import { openWeights } from '../models/weightFile.ts';

/** Beside a retriever's weights: the means that are subtracted from its pooled states. */
const NAME = 'centre';
/** The sides of a search, as the file's tensors are called. */
const SIDES = ['query', 'passage'] as const;

/** The file of a centre [2, D], queries' and passages': a tensor [D] for each side. */
export async function centreFile(centre: Float32Array): Promise<NamedFile> {
  const width = centre.length / SIDES.length;
  const pieces = SIDES.map((name, side) => ({
    name,
    shape: [width],
    data: centre.subarray(side * width, (side + 1) * width),
  }));
  return { name: `${NAME}.safetensors`, chunks: await sealedChunks(pieces, { format: 'pt' }) };
}

/**
 * The centre beside a retriever's weights: [2, D]; undefined where there is none.
 * @throws ModelFileError, SafetensorsError for one of another width, or a damaged file.
 */
export async function readCentre(files: FileLookup, width: number): Promise<Float32Array<ArrayBuffer> | undefined> {
  if (!(await files(`${NAME}.safetensors`))) return undefined;
  const file = await openWeights(files, NAME);
  await file.verify();
  const centre = new Float32Array(SIDES.length * width);
  for (const [side, name] of SIDES.entries()) {
    const shape = file.get(name)?.shape;
    if (shape?.length !== 1 || shape[0] !== width)
      throw new ModelFileError(
        `${NAME}.safetensors should hold ${SIDES.join(' and ')}, ${width} numbers each: it belongs to another retriever.`,
      );
    const numbers = await file.readFloats(name);
    if (!numbers.every(Number.isFinite))
      throw new ModelFileError(`${NAME}.safetensors: ${name} holds NaN or infinite numbers. Use another copy.`);
    centre.set(numbers, side * width);
  }
  return centre;
}
