/** What is said of a built-in collection before its texts are loaded. */
export interface BuiltInCollection {
  readonly id: BuiltInId;
  readonly title: string;
  readonly description: string;
  /** Whose texts they are, and under which licence. */
  readonly origin: string;
  /** Whether there is text of the same field without labels, to train on. */
  readonly hasTrainingText: boolean;
}

export type BuiltInId = 'python-faq' | 'stdlib-code';

const ORIGIN =
  'From the documentation and standard library of Python 3.11, © Python Software Foundation, PSF licence version 2.';

/** The built-in labelled collections, without their texts. */
export const BUILT_IN_COLLECTIONS: readonly BuiltInCollection[] = [
  {
    id: 'python-faq',
    title: 'Python FAQ',
    description: '175 questions of the Python FAQ, and the answers that its editors gave.',
    origin: ORIGIN,
    hasTrainingText: true,
  },
  {
    id: 'stdlib-code',
    title: 'Standard library',
    description: '240 docstrings of Python’s standard library, and the functions that they describe.',
    origin: ORIGIN,
    hasTrainingText: false,
  },
];

/** The name of the collection of facts (facts.ts), where collections are named. */
export const FACTS_COLLECTION = 'facts';
