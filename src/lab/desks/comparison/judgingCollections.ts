import { loadBuiltIn } from '../../../evaluation/collections/builtIn.ts';
import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import { factCollection } from '../../../evaluation/collections/facts.ts';
import { BUILT_IN_COLLECTIONS, FACTS_COLLECTION } from '../../../evaluation/collections/builtInTable.ts';
import { ComparisonError } from '../../../run/comparison/definition.ts';

/**
 * What may judge a comparison, by the name that its definition gives: the collection that is open in the lab, the facts, a built-in one.
 * The one that is open comes first, since it may be somebody's own copy of a built-in one.
 */
export class JudgingCollections {
  /** @param opened the collection that is open in the lab, if any */
  constructor(private readonly opened: () => LabelledCollection | undefined) {}

  /** The collection of that name where it is the reader's own, which is gone with the page unless it is kept. */
  own(name: string | undefined): LabelledCollection | undefined {
    const opened = this.opened();
    return opened && opened.title === name ? opened : undefined;
  }

  /** @throws ComparisonError for a name that nothing here has */
  expect(name: string | undefined): void {
    if (name === undefined || this.own(name) || name === FACTS_COLLECTION || isBuiltIn(name)) return;
    const builtIn = BUILT_IN_COLLECTIONS.map(({ id }) => `“${id}”`).join(', ');
    const opened = this.opened();
    throw new ComparisonError(
      `collection is ${JSON.stringify(name)}: here it is “${FACTS_COLLECTION}”, ${builtIn}, or the one that is open under Evaluation (${opened ? `now “${opened.title}”` : 'now none'}).`,
    );
  }

  /** One that everybody has; undefined for no name. @throws ComparisonError for a name that is none of theirs */
  async load(name: string | undefined, signal: AbortSignal): Promise<LabelledCollection | undefined> {
    if (name === undefined) return undefined;
    if (name === FACTS_COLLECTION) return factCollection();
    if (isBuiltIn(name)) return loadBuiltIn(name, { signal });
    throw new ComparisonError(
      `The collection ${JSON.stringify(name)} was not kept with this comparison. Begin it anew.`,
    );
  }
}

function isBuiltIn(name: string): boolean {
  return BUILT_IN_COLLECTIONS.some(({ id }) => id === name);
}
