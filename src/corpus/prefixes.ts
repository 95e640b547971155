/** What a retriever's texts begin with, by the side of a search that they are on. */
export interface Prefixes {
  readonly query: string;
  readonly passage: string;
}

/** As the released code has them, and as small retrievers learn them. */
export const PREFIXES: Prefixes = { query: 'query: ', passage: 'passage: ' };
export const NO_PREFIXES: Prefixes = { query: '', passage: '' };
