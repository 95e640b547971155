import type { FoundDocument } from '../types.ts';

/**
 * Where documents with equal scores stand. `descending`: by their ids, the highest first, as trec_eval has it. `ascending`: the lowest
 * first (MS MARCO's script, which ir_measures asks for RR@k). `given`: as they came (BEIR's MRR).
 */
export type TieOrder = 'descending' | 'ascending' | 'given';

/**
 * Two texts by the bytes of their UTF-8, which is the order of their code points: < 0 where `a` is lower. JavaScript's own `<` goes by
 * UTF-16 units, in which U+1F600 is lower than U+FF5E.
 */
export function compareBytes(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left !== right) return weight(left) - weight(right);
  }
  return a.length - b.length;
}

/** A UTF-16 unit as it sorts: halves of surrogate pairs are of code points above all others. */
function weight(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Ids of what was found, best first: by score as trec_eval holds it, in 32 bits, then by `ties`. NaN stands last. */
export function ranked(found: readonly FoundDocument[], ties: TieOrder = 'descending'): string[] {
  const sign = ties === 'descending' ? -1 : 1;
  const scored = found.map(({ id, score }) => ({ id, score: Number.isNaN(score) ? -Infinity : Math.fround(score) }));
  return scored
    .sort((a, b) => {
      if (a.score !== b.score) return a.score < b.score ? 1 : -1;
      return ties === 'given' ? 0 : sign * compareBytes(a.id, b.id);
    })
    .map(({ id }) => id);
}
