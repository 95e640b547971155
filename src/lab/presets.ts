import { configure, type Configuration } from './configuration.ts';

/** A ready-made configuration with a word on what to expect of it. */
export interface Preset {
  readonly id: string;
  readonly title: string;
  readonly expectation: string;
  readonly configuration: Configuration;
}

export const PRESETS: readonly Preset[] = [
  {
    id: 'facts',
    title: 'Facts, small model',
    expectation:
      'Each fact is told twice. Within a few hundred steps the retriever finds the partner, and the loss with context falls far below the loss alone.',
    configuration: configure({}),
  },
  {
    id: 'facts-sharp',
    title: 'Facts, as sharp as the paper',
    expectation:
      'τ 0.0001: each chunk reads exactly one neighbour, and the retriever gets no gradient. Nothing is learnt; that is the lesson.',
    configuration: configure({ temperature: 1e-4 }),
  },
  {
    id: 'facts-uniform',
    title: 'Facts, uniform control',
    expectation: 'Everybody reads everybody alike, so the retriever learns nothing and the context helps nobody.',
    configuration: configure({ attention: 'uniform' }),
  },
  {
    id: 'prose',
    title: 'Prose, small model',
    expectation:
      'A small model from scratch learns little about real prose: expect recall a little above chance, below TF-IDF. A pretrained checkpoint is needed for more.',
    configuration: configure({ source: 'kitchen', width: 128, mlpWidth: 256, decaySteps: 0 }),
  },
];

/** @throws Error that lists the presets there are. */
export function preset(id: string): Preset {
  const found = PRESETS.find((candidate) => candidate.id === id);
  if (!found)
    throw new Error(`There is no preset ${JSON.stringify(id)}; there are ${PRESETS.map((p) => p.id).join(', ')}.`);
  return found;
}
