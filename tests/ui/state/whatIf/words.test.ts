import { expect, test } from 'vitest';
import { REVELA_TABLE } from '../../../../src/objectives/revela/table.ts';
import { describeInstead } from '../../../../src/ui/state/sentences/whatIf.ts';
import { effectsOf } from '../../../../src/ui/state/whatIf/effects.ts';
import { pictureWith, type Instead } from '../../../../src/ui/state/whatIf/instead.ts';
import { matrixOf } from '../../../../src/run/record.ts';
import { metrics } from '../../records.ts';

const { pairs } = REVELA_TABLE;
const RUN: Instead = { by: 'learned', temperature: 0.1 };

/** What is said of a batch of two facts, told twice each, whose partners are the most similar. */
function said(instead: Instead, own: Instead = RUN, documents = [0, 0, 1, 1]): string {
  const chunks = documents.map((document) => ({ text: '', document, documentTitle: '', tokens: [] }));
  const similarity = [0, 0.6, 0.5, 0.4, 0.6, 0, 0.5, 0.4, 0.5, 0.5, 0, 0.6, 0.4, 0.4, 0.6, 0];
  const picture = { metrics: metrics(1), batch: { chunks }, similarity, attention: [] };
  const effects = (reading: Instead) =>
    effectsOf(matrixOf(pictureWith(picture, REVELA_TABLE, reading), 'attention'), { chunks }, reading, pairs);
  return describeInstead(instead, { run: effects(own), other: effects(instead) }, pairs);
}

test('a temperature: how many are read, how far the loss reaches S, and that recall stays', () => {
  expect(said({ by: 'learned', temperature: 0.02 })).toMatch(
    /^What if τ were 0\.02: documents read per row 1\.\d\d \(2\.\d\d in the run\); A\(1−A\)\/τ, which carries the loss to S, 0\.\d\d times the run’s\. The ranking, and so recall, stays\.$/,
  );
  expect(said({ by: 'learned', temperature: 1e-4 })).toContain('carries the loss to S, 0: nothing of it arrives.');
  expect(said({ by: 'learned', temperature: 0.008 })).toContain('under 0.01 of the run’s.');
});

test('a temperature of a run that was a control: the factor itself, since the run had none', () => {
  expect(said({ by: 'learned', temperature: 0.1 }, { by: 'uniform' })).toMatch(/to S, \d\.\d\d a row\./);
});

test('a control: what partners get, and that nothing reaches S', () => {
  const uniform = said({ by: 'uniform' });
  expect(uniform).toMatch(/^What if all were read alike: partners would get 0\.33 of A \(0\.\d\d of A in the run\)\./);
  expect(uniform).toContain('does not follow S, so the retriever would get no gradient.');
  expect(said({ by: 'oracle' })).toContain('partners would get 1.00 of A');
  expect(said({ by: 'oracle' }, RUN, [0, 1, 2, 3])).toContain('no chunk here has a partner');
});
