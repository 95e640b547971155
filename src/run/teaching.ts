import { EmbeddingIndex } from '../retrieval/embeddingIndex.ts';
import type { Embedder } from '../retrieval/embedder.ts';
import type { ObjectiveDefinition } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import { SETTINGS, type Configuration } from '../settings/configuration.ts';
import { SettingError } from '../settings/setting.ts';
import { TrainingStateError } from '../training/state.ts';
import type { Chunk } from '../corpus/types.ts';
import type { CorpusSetup } from './corpusSetup.ts';

/** Where a run's teacher comes from, if it is an encoder. */
export interface TeachingOptions {
  /** Embeds every chunk once, before the first step. */
  readonly teacher?: Embedder | undefined;
  /** What it made when the run began, [chunks, dimensions]: of a run that goes on, which needs no encoder then. */
  readonly teacherVectors?: Float32Array<ArrayBuffer> | undefined;
  /** Share of the chunks that are embedded. */
  readonly onTeacher?: ((fraction: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The vectors of a run's chunks as its teacher has them. */
export class Teacher {
  readonly #index: EmbeddingIndex;

  /** @param vectors [chunks, dimensions] of length 1, in the order of the corpus' chunks. */
  constructor(
    readonly vectors: Float32Array<ArrayBuffer>,
    dimensions: number,
  ) {
    this.#index = new EmbeddingIndex(vectors, dimensions);
  }

  /** Cosines of some chunks with each other: [B, B], row-major. */
  cosines(chunks: readonly Chunk[]): Float64Array {
    const vectors = chunks.map(({ index }) => this.#index.vector(index));
    return Float64Array.from(
      vectors.flatMap((a) => vectors.map((b) => a.reduce((sum, one, d) => sum + one * (b[d] ?? 0), 0))),
    );
  }
}

/** Made once for a text and an encoder, however often a run on them is begun anew. */
const made = new WeakMap<CorpusSetup, { readonly by: Embedder; readonly teacher: Teacher }>();

/**
 * The teacher of a run, where its objective has one that embeds: its vectors as they were saved, or made of every chunk. The chunks are
 * embedded as passages, queries too: it is chunks that are compared.
 * @throws SettingError where there is no encoder to ask; TrainingStateError for saved vectors of another text; what the encoder throws.
 */
export async function teacherOf(
  configuration: Configuration,
  corpus: CorpusSetup,
  { teacher: embedder, teacherVectors: saved, onTeacher: onProgress, signal }: TeachingOptions,
): Promise<Teacher | undefined> {
  const definition: ObjectiveDefinition = objectiveOf(configuration);
  if (!definition.readsTeacherVectors?.(configuration)) return undefined;
  const { length: chunks } = corpus.chunks;
  if (saved) {
    if (saved.length === 0 || saved.length % chunks !== 0)
      throw new TrainingStateError(
        `The saved run does not fit this text: its teacher’s vectors have ${saved.length} numbers for ${chunks} chunks.`,
      );
    return new Teacher(saved, saved.length / chunks);
  }
  if (!embedder)
    throw new SettingError(
      'teacher',
      `“${SETTINGS.teacher.label}” is an encoder, and none is at hand. Load one (on the command line: --encoder DIR), or let BM25 teach.`,
    );
  const known = made.get(corpus);
  if (known?.by === embedder) return known.teacher;
  const vectors = await embedder.embed('passage', corpus.chunkTexts, { signal, onProgress });
  const teacher = new Teacher(Float32Array.from(vectors), embedder.dimensions);
  made.set(corpus, { by: embedder, teacher });
  return teacher;
}
