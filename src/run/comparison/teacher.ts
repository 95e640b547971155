import { objectiveOf } from '../../objectives/registry.ts';
import type { ObjectiveDefinition } from '../../objectives/objective.ts';
import type { Embedder } from '../../retrieval/embedder.ts';
import { ComparisonError, type Contender } from './definition.ts';

/** An encoder that teaches, under the name by which runs that it has taught are told from those of another. */
export interface NamedTeacher extends Embedder {
  readonly name: string;
}

/** Those of them that learn from an encoder's vectors. */
export function taughtByEncoder(contenders: readonly Contender[]): readonly Contender[] {
  return contenders.filter(({ configuration }) => {
    const definition: ObjectiveDefinition = objectiveOf(configuration);
    return definition.readsTeacherVectors?.(configuration) === true;
  });
}

/** @throws ComparisonError where an encoder is to teach and none is at hand: before anything runs, and not in the middle of it */
export function requireTeacher(contenders: readonly Contender[], teacher: NamedTeacher | undefined): void {
  const [first] = taughtByEncoder(contenders);
  if (!first || teacher) return;
  throw new ComparisonError(
    `An encoder is to teach ${JSON.stringify(first.name)}, and none is at hand. Open one under “Pretrained encoder” (on the command line: --encoder DIR), or let BM25 teach.`,
  );
}

/**
 * The same encoder, which remembers what it made of the texts that it embedded last: runs of a comparison read the same text one after
 * the other.
 */
export function rememberingTeacher({ dimensions, embed }: Embedder): Embedder {
  let last: { readonly texts: readonly string[]; readonly vectors: Float32Array } | undefined;
  return {
    dimensions,
    async embed(role, texts, options) {
      // Only chunks are embedded here, as passages.
      if (role === 'passage' && last?.texts.length === texts.length && last.texts.every((text, i) => text === texts[i]))
        return last.vectors;
      const vectors = await embed(role, texts, options);
      if (role === 'passage') last = { texts, vectors };
      return vectors;
    },
  };
}
