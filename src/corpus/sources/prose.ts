import { CorpusError } from '../errors.ts';
import type { SourceDocument } from '../types.ts';

/** A built-in collection: what a menu shows before its text is loaded. */
export interface ProseCollection {
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

interface Entry extends ProseCollection {
  readonly load: () => Promise<{ default: unknown }>;
}

// Dynamic imports keep the texts out of the page's first load: each is a file of its own, fetched when chosen.
const ENTRIES: readonly Entry[] = [
  {
    id: 'kitchen',
    title: 'The kitchen',
    description: 'Short essays on food, the chemistry of cooking and the history of dishes.',
    load: () => import('./collections/kitchen.json'),
  },
  {
    id: 'shore',
    title: 'The shore',
    description: 'Short essays on tides, weather, harbours and the animals and plants that live by the sea.',
    load: () => import('./collections/shore.json'),
  },
  {
    id: 'workshop',
    title: 'The workshop',
    description:
      'Tools, crafts, machines and materials, from clocks and looms to lenses and batteries, and how each of them works.',
    load: () => import('./collections/workshop.json'),
  },
];

/** The built-in collections, without their text. */
export const proseCollections: readonly ProseCollection[] = ENTRIES.map(({ id, title, description }) => ({
  id,
  title,
  description,
}));

function isDocument(value: unknown): value is SourceDocument {
  const document = value as Partial<SourceDocument> | null;
  return (
    typeof document?.title === 'string' &&
    Array.isArray(document.paragraphs) &&
    document.paragraphs.every((paragraph) => typeof paragraph === 'string')
  );
}

/**
 * The documents of a built-in collection.
 * @throws CorpusError `invalid-collection` for an unknown id, or a file that cannot be fetched or has another shape.
 */
export async function loadProse(id: string): Promise<SourceDocument[]> {
  const entry = ENTRIES.find((candidate) => candidate.id === id);
  if (!entry) {
    const known = ENTRIES.map((candidate) => candidate.id).join(', ');
    throw new CorpusError('invalid-collection', `There is no collection "${id}". Choose one of: ${known}.`);
  }
  let content: { documents?: unknown };
  try {
    content = (await entry.load()).default as { documents?: unknown };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new CorpusError('invalid-collection', `The collection "${id}" could not be loaded (${cause}). Try again.`);
  }
  const { documents } = content;
  if (!Array.isArray(documents) || !documents.every(isDocument)) {
    throw new CorpusError('invalid-collection', `The collection "${id}" is damaged: it has no list of documents.`);
  }
  return documents;
}
