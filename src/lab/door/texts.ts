/** What the page does to texts of the reader's own before it sends them. */
export { isSameText, movedSplits, titleOf, withSplit } from '../../corpus/given.ts';
