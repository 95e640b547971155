import { SETTINGS, type Configuration, type SettingKey } from './table.ts';

/** Values of several settings that do not go together. */
export interface Conflict {
  readonly between: readonly SettingKey[];
  /** The one that the message is about: where the conflict stands it applies, so that its control can be changed. */
  readonly at: SettingKey;
  /** What does not fit, and what would; undefined where all is well. */
  readonly problem: (c: Configuration) => string | undefined;
}

/** As many ways of telling a fact as the fact stream has. */
const WAYS_OF_TELLING = 4;
/** Widest attention head that the kernels take, in numbers. */
const WIDEST_HEAD = 256;
/** Its multiples split into heads in several ways. */
const EASY_WIDTH = 32;

/** The first that finds a problem speaks. */
export const CONFLICTS: readonly Conflict[] = [
  {
    between: ['base', 'width'],
    at: 'width',
    problem: (c) =>
      c.base === 'scratch' && fittingHeads(c).length === 0
        ? `The width ${c.width} splits into no number of heads of an even size up to ${WIDEST_HEAD}; take a multiple of ${EASY_WIDTH}.`
        : undefined,
  },
  {
    between: ['base', 'width', 'heads'],
    at: 'heads',
    problem: (c) =>
      c.base === 'scratch' && fittingHeads(c).length > 0 && !fittingHeads(c).includes(c.heads)
        ? `The width ${c.width} must split into ${c.heads} heads of an even size up to ${WIDEST_HEAD}; try ${fittingHeads(c)[0]} heads.`
        : undefined,
  },
  {
    between: ['base', 'heads', 'kvHeads'],
    at: 'kvHeads',
    problem: (c) =>
      c.base === 'scratch' && c.heads % c.kvHeads !== 0
        ? `${c.heads} query heads cannot share ${c.kvHeads} key/value heads evenly.`
        : undefined,
  },
  {
    between: ['base', 'layers', 'retrieverDepth'],
    at: 'retrieverDepth',
    problem: (c) =>
      c.base === 'scratch' && (c.retrieverDepth > c.layers || c.retrieverDepth <= -c.layers)
        ? `A retriever of ${c.layers} ${c.layers === 1 ? 'layer' : 'layers'} cannot run at depth ${c.retrieverDepth}: take 0 for all, or a number of layers from 1 to ${c.layers}.`
        : undefined,
  },
  {
    between: ['source', 'groupSize'],
    at: 'groupSize',
    problem: (c) =>
      c.source === 'facts' && c.groupSize > WAYS_OF_TELLING
        ? `A fact is told in at most ${WAYS_OF_TELLING} ways, so a batch holds at most ${WAYS_OF_TELLING} chunks of it, not ${c.groupSize}: lower “${SETTINGS.groupSize.label}”.`
        : undefined,
  },
  {
    between: ['source', 'batching', 'chunks', 'groupSize'],
    at: 'groupSize',
    problem: (c) =>
      (c.source === 'facts' || c.batching === 'topics') && c.chunks % c.groupSize !== 0
        ? `A batch of ${c.chunks} chunks cannot hold whole groups of ${c.groupSize}. Change “${SETTINGS.groupSize.label}” or “${SETTINGS.chunks.label}”.`
        : undefined,
  },
  {
    between: ['chunks', 'groupSize'],
    at: 'groupSize',
    problem: (c) =>
      c.groupSize > c.chunks
        ? `A batch of ${c.chunks} chunks cannot hold ${c.groupSize} chunks of one document, as held-out batches do: lower “${SETTINGS.groupSize.label}”.`
        : undefined,
  },
  {
    between: ['base', 'trained', 'precision'],
    at: 'precision',
    problem: (c) =>
      c.base === 'checkpoint' && c.trained === 'full' && c.precision !== 'stored'
        ? 'Weights that are trained are 32-bit. Train adapters, or keep the weights as stored.'
        : undefined,
  },
  {
    between: ['objective', 'teacher', 'source'],
    at: 'teacher',
    problem: (c) =>
      c.objective === 'distillation' && c.teacher === 'encoder' && c.source === 'facts'
        ? 'The facts never end, so no encoder can embed them all before the first step. Take another text, or let BM25 teach.'
        : undefined,
  },
  {
    between: ['objective', 'freezeLanguageModel', 'freezeRetriever', 'attention', 'learnGate'],
    at: 'freezeLanguageModel',
    problem: (c) =>
      c.objective === 'revela' &&
      c.freezeLanguageModel &&
      !c.learnGate &&
      (c.freezeRetriever || c.attention !== 'learned')
        ? 'With the language model frozen and no gradient for the retriever nothing would learn.'
        : undefined,
  },
];

/** Numbers of heads that a model of this width may have, the nearest to the present number first, fewer before more. */
function fittingHeads({ width, heads }: Configuration): number[] {
  const { min, max } = SETTINGS.heads;
  return Array.from({ length: max - min + 1 }, (_, i) => min + i)
    .filter((count) => width % (2 * count) === 0 && width / count <= WIDEST_HEAD)
    .sort((a, b) => Number(a > heads) - Number(b > heads) || Math.abs(a - heads) - Math.abs(b - heads));
}
