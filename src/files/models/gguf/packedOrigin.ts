import type { FileLookup } from '../../formats/byteSource.ts';
import { readJson } from '../../formats/byteSource.ts';
import type { GgufFile } from '../../formats/gguf/gguf.ts';

/** Beside the files that a GGUF file stands for: what it was before it was packed. */
export const PACKED_ORIGIN = 'packed_origin.json';

/** What is known of the model that a GGUF file packs. */
export interface PackedOrigin {
  /** Its repository on the hub, where the file or the hub says. */
  readonly repository: string | undefined;
  /** The name of the GGUF file. */
  readonly file: string;
  /** How its matrices are packed: "Q4_1, Q8_0", the commonest first. */
  readonly types: string;
}

const ON_HUB = /^https:\/\/huggingface\.co\/([\w.-]+\/[\w.-]+)\/?$/;

export function packedOrigin({ source, metadata, tensors }: GgufFile, original?: string): PackedOrigin {
  const onHub = (key: string): string | undefined => ON_HUB.exec(metadata.text(key) ?? '')?.[1];
  const converted = onHub('general.source.repo_url') ?? onHub('general.source.url');
  const base = onHub('general.base_model.0.repo_url');
  // Mostly a base model is what another was trained from. It is the model itself where it has its name.
  const isSame = base !== undefined && letters(base.split('/')[1]) === letters(metadata.text('general.name'));
  const counts = new Map<string, number>();
  for (const { shape, dtype } of tensors.values())
    if (shape.length === 2) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  return {
    repository: original ?? converted ?? (isSame ? base : undefined),
    file: source.name,
    types: [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([type]) => type)
      .join(', '),
  };
}

const letters = (name = ''): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** What a folder was packed from; undefined for one that stands for itself. */
export async function readPackedOrigin(files: FileLookup): Promise<PackedOrigin | undefined> {
  return (await files(PACKED_ORIGIN)) ? ((await readJson(files, PACKED_ORIGIN)) as PackedOrigin) : undefined;
}
