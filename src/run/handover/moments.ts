import { PEFT_PREFIX, type AdapterKind } from '../../files/adapters/adapterModules.ts';
import { adapterPieces } from '../../files/adapters/peft.ts';
import { sealedChunks } from '../../files/formats/checksum.ts';
import type { NamedFile } from '../../files/formats/zipWriter.ts';
import { checkpointTensors } from '../../files/models/decoderExport.ts';
import type { Decoder } from '../../models/decoder.ts';
import { GATES, LANGUAGE_MODEL, RETRIEVER } from '../../training/parameterGroups.ts';
import type { Optimiser } from '../../training/optimiser.ts';
import { saveTraining } from '../../training/state.ts';
import type { OpenRun } from '../openRun.ts';

/** A tensor of a file. */
interface Piece {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const MOMENTS = ['m', 'v'] as const;

/**
 * AdamW's moments by the names that the parameters have in the files of PEFT and transformers: `retriever/NAME/m`, `languageModel/NAME/v`,
 * `gates/contextGates/m`. Read between two steps.
 */
export async function momentsFile({ runtime, experiment }: OpenRun): Promise<NamedFile> {
  const { optimiser, models } = experiment;
  const { tensors } = await saveTraining(runtime, optimiser);
  const pieces = optimiser.groups.flatMap((group) =>
    MOMENTS.flatMap((moment) => {
      const values = valuesByKey(group, (block) => tensors.get(`${group.name}.${block}.${moment}`));
      return named(group.name, models, values).map(({ name, ...piece }) => ({
        name: `${group.name}/${name}/${moment}`,
        ...piece,
      }));
    }),
  );
  return { name: 'optimiser.safetensors', chunks: await sealedChunks(pieces, { format: 'pt' }) };
}

/** What lies in a group's blocks, by the keys of its tensors. */
function valuesByKey(
  { parameters }: Optimiser['groups'][number],
  block: (index: number) => Float32Array | undefined,
): Map<string, Float32Array> {
  return new Map(
    parameters.places().map(({ key, block: index, offset, size }) => {
      const values = block(index);
      if (!values) throw new Error(`The optimiser has no block ${index}: this is a bug.`);
      return [key, values.subarray(offset, offset + size)];
    }),
  );
}

function named(
  group: string,
  { retriever, languageModel, gates }: OpenRun['experiment']['models'],
  values: ReadonlyMap<string, Float32Array>,
): readonly Piece[] {
  if (group === RETRIEVER) return modelPieces(retriever, 'retriever', values);
  if (group === LANGUAGE_MODEL && languageModel) return modelPieces(languageModel, 'languageModel', values);
  if (group !== GATES || !gates) throw new Error(`Nobody knows what ${group} is: this is a bug.`);
  return [...values.values()].map((data) => ({ name: 'contextGates', shape: [data.length], data }));
}

function modelPieces(
  { adapter, weights }: Decoder,
  kind: AdapterKind,
  values: ReadonlyMap<string, Float32Array>,
): readonly Piece[] {
  if (adapter) return adapterPieces(adapter.specs, PEFT_PREFIX[kind], values);
  return checkpointTensors(weights.specs, kind === 'languageModel').map(({ name, shape, pieces }) => ({
    name,
    shape,
    data: joined(pieces.map(({ key, begin, end }) => values.get(key)?.subarray(begin, end) ?? new Float32Array())),
  }));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
