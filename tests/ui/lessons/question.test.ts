import { describe, expect, test } from 'vitest';
import { abilityOf } from '../../../src/ui/panels/lessons/ability.ts';
import type { LessonAction, Question } from '../../../src/ui/panels/lessons/lesson.ts';
import { fulfils, fulfilsAll, holds, type Condition } from '../../../src/ui/panels/lessons/numbers/conditions.ts';
import { otherThanTested, verdictOf, verdictWords } from '../../../src/ui/panels/lessons/question/verdict.ts';
import { spreadOf, spreadText } from '../../../src/ui/panels/lessons/results/spread.ts';

test('comparisons say what they mean, and what is no number holds nothing', () => {
  expect(holds(1, '<', 2)).toBe(true);
  expect(holds(2, '>', 2)).toBe(false);
  expect(holds(0, '=', 0)).toBe(true);
  expect(holds(1e-9, '=', 0)).toBe(false);
  expect(holds(7.0005, '=', 7, 1e-3)).toBe(true);
  expect(holds(NaN, 'absent', NaN)).toBe(true);
  expect(holds(0, 'absent', NaN)).toBe(false);
  for (const is of ['<', '>', '='] as const) expect(holds(NaN, is, NaN)).toBe(false);
});

describe('a condition', () => {
  const more: Condition = { action: 1, of: 'gain', is: '>', against: { action: 0, factor: 2 } };

  test('holds where it does for every run', () => {
    const above: Condition = { action: 0, of: 'gain', is: '>', value: 0 };
    expect(fulfils(above, [[{ gain: 1 }, { gain: 0.5 }]])).toBe(true);
    expect(fulfils(above, [[{ gain: 1 }, { gain: -0.5 }]])).toBe(false);
  });

  test('compares run by run where both have as many, and each with each elsewhere', () => {
    expect(
      fulfils(more, [
        [{ gain: 1 }, { gain: 2 }],
        [{ gain: 3 }, { gain: 5 }],
      ]),
    ).toBe(true);
    expect(fulfils(more, [[{ gain: 1 }, { gain: 2 }], [{ gain: 3 }]])).toBe(false);
  });

  test('compares two numbers of one run', () => {
    const fell: Condition = { action: 0, of: 'ntpLoss', is: '<', against: { of: 'firstLoss' } };
    expect(fulfils(fell, [[{ ntpLoss: 1, firstLoss: 2 }]])).toBe(true);
  });

  test('is open while a run is missing; one that does not hold settles it', () => {
    expect(fulfils(more, [[{ gain: 1 }], undefined])).toBeUndefined();
    expect(fulfilsAll([more, { action: 0, of: 'gain', is: '<', value: 0 }], [[{ gain: 1 }], undefined])).toBe(false);
  });
});

describe('what happened beside what was predicted', () => {
  const question: Question = {
    ask: 'Which?',
    answers: [
      { text: 'It falls', holds: [{ action: 0, of: 'gain', is: '<', value: 0 }] },
      { text: 'It rises', holds: [{ action: 0, of: 'gain', is: '>', value: 0 }], why: ['Because.'] },
    ],
  };
  const words = (gain: number | undefined, predicted?: number) =>
    verdictWords(question, verdictOf(question, gain === undefined ? [] : [[{ gain }]]), predicted);

  test('comes from the numbers alone', () => {
    expect(words(1, 1)).toBe('You predicted: “It rises”. That is what happened.');
    expect(words(1, 0)).toBe('You predicted: “It falls”. What happened: “It rises”.');
    expect(words(-1, 1)).toBe('You predicted: “It rises”. What happened: “It falls”.');
    expect(words(1)).toBe('What happened: “It rises”.');
    expect(words(0, 1)).toBe('You predicted: “It rises”. None of the answers fits these numbers.');
    expect(words(undefined, 1)).toBeUndefined();
    expect(verdictOf(question, [])).toEqual({ kind: 'open', missing: [0] });
  });

  test('says what the tests found where something else happened here', () => {
    expect(otherThanTested(question, verdictOf(question, [[{ gain: 1 }]]))).toBeUndefined();
    expect(otherThanTested(question, verdictOf(question, [[{ gain: -1 }]]))).toMatch(/“It rises”/);
    expect(otherThanTested(question, verdictOf(question, [[{ gain: 0 }]]))).toMatch(/“It rises”/);
  });
});

describe('how an action is done', () => {
  const trial: LessonAction = { label: 'L', run: 'trial' };
  const long: LessonAction = { ...trial, steps: 150, seeds: 3 };
  const of = (action: LessonAction, isMeasured: boolean, hasGpu: boolean | undefined) =>
    abilityOf(action, { isMeasured, hasGpu });

  test('short trials run here, long ones were measured and can be run too', () => {
    expect(of(trial, true, true)).toEqual({ does: 'run', runsToo: false });
    expect(of(long, true, true)).toEqual({ does: 'measured', runsToo: true });
    expect(of(long, false, true)).toEqual({ does: 'run', runsToo: false });
  });

  test('without a GPU all that was measured is shown, and what trains is off', () => {
    expect(of(trial, true, false)).toEqual({ does: 'measured', runsToo: false });
    expect(of(trial, false, false)).toEqual({ does: 'nothing', runsToo: false });
    expect(of({ label: 'L', run: 'train' }, false, false)).toEqual({ does: 'nothing', runsToo: false });
    expect(of({ label: 'L', recorded: 'facts', step: 1 }, false, false)).toEqual({ does: 'show', runsToo: false });
  });
});

describe('numbers over seeds', () => {
  test('are their mean and standard deviation', () => {
    expect(spreadOf([1, 2, 3])).toEqual({ mean: 2, deviation: 1 });
    expect(spreadOf([4])).toEqual({ mean: 4, deviation: 0 });
    expect(spreadText([0.9, 1.1], 2)).toEqual({ value: '1.00', deviation: '0.14' });
    expect(spreadText([-0.5], 2)).toEqual({ value: '−0.50' });
    expect(spreadText([1, NaN], 2)).toEqual({ value: '–' });
  });

  test('are shown to the last digit where they have to be', () => {
    expect(spreadText([6.500509262084961, 1], 'exact')).toEqual({ value: '6.500509262084961' });
    expect(spreadText([0], 'exact')).toEqual({ value: '0' });
    expect(spreadText([1.2e-7], 3)).toEqual({ value: '1.2e−7' });
  });
});
