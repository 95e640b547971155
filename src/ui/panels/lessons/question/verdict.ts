import { fulfilsAll, type Results } from '../numbers/conditions.ts';
import type { Answer, Question } from '../lesson.ts';

/** What the numbers at hand say of a question. */
export type Verdict =
  /** Some of the runs that would decide it are missing: actions by their places. */
  | { readonly kind: 'open'; readonly missing: readonly number[] }
  | { readonly kind: 'happened'; readonly answer: Answer }
  | { readonly kind: 'none' };

export function verdictOf({ answers }: Question, results: Results): Verdict {
  const found = answers.map(({ holds }) => fulfilsAll(holds, results));
  const answer = answers[found.indexOf(true)];
  if (answer) return { kind: 'happened', answer };
  if (!found.includes(undefined)) return { kind: 'none' };
  const needed = answers.flatMap(({ holds }) =>
    holds.flatMap(({ action, against }) => [action, against?.action ?? action]),
  );
  return {
    kind: 'open',
    missing: [...new Set(needed)].filter((action) => !results[action]?.length).sort((a, b) => a - b),
  };
}

/** The verdict beside what was foretold, in words; undefined while it is open. */
export function verdictWords(
  { answers }: Question,
  verdict: Verdict,
  predicted: number | undefined,
): string | undefined {
  if (verdict.kind === 'open') return undefined;
  const before = predicted === undefined ? '' : `You predicted: “${answers[predicted]?.text ?? ''}”. `;
  if (verdict.kind === 'none') return `${before}None of the answers fits these numbers.`;
  const { answer } = verdict;
  if (answer === answers[predicted ?? -1]) return `${before}That is what happened.`;
  return `${before}What happened: “${answer.text}”.`;
}

/** What is to be said where something else happened than in the tests of the lesson. */
export function otherThanTested({ answers }: Question, verdict: Verdict): string | undefined {
  if (verdict.kind === 'open' || (verdict.kind === 'happened' && verdict.answer.why)) return undefined;
  const tested = answers.find(({ why }) => why);
  return `Where this lesson was tested, it was: “${tested?.text ?? ''}”.`;
}
