/** What the page says of the facts, the built-in collections and of BM25 before the lab has read anything. */
export {
  BUILT_IN_COLLECTIONS,
  FACTS_COLLECTION,
  type BuiltInCollection,
} from '../../evaluation/collections/builtInTable.ts';
export { USUAL_BM25 } from '../../evaluation/systems/lexical.ts';
