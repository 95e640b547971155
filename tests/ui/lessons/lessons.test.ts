import katex from 'katex';
import { describe, expect, test } from 'vitest';
import { defaultConfiguration } from '../../../src/settings/configuration.ts';
import { LESSONS } from '../../../src/ui/panels/lessons/all.ts';
import { configurationOf } from '../../../src/ui/panels/lessons/configurationOf.ts';
import { placeFragment, readPlace } from '../../../src/ui/panels/lessons/link.ts';
import { observedAt } from '../../../src/ui/panels/lessons/numbers/observed.ts';
import { QUANTITIES, type Quantity } from '../../../src/ui/panels/lessons/numbers/quantities.ts';
import { paragraphsOf, readLesson } from '../../../src/ui/panels/lessons/read.ts';
import { marksOf, readMarkup, withoutMarks } from '../../../src/ui/panels/lessons/text/markup.ts';
import { CheckError } from '../../../src/ui/components/check.ts';
import { FORMULA_OPTIONS } from '../../../src/ui/panels/lessons/text/typeset.ts';
import { inventedRun } from '../../browser/support/inventedRun.ts';

const steps = LESSONS.flatMap(({ id, steps }) =>
  steps.map((step, i) => ({ name: `${id}.${i + 1} ${step.title}`, step })),
);

describe('the lessons', () => {
  test('are numbered from 1', () => {
    expect(LESSONS.map(({ id }) => id)).toEqual(LESSONS.map((_, i) => String(i + 1)));
    expect(LESSONS.length).toBeGreaterThanOrEqual(6);
  });

  test.each(steps)('$name: formulas can be set, and point at parts of the page', ({ step }) => {
    const formulas = [
      ...(step.formula === undefined ? [] : [step.formula]),
      ...(step.symbols ?? []).map(({ tex }) => tex),
      ...step.text.flatMap((text) => readMarkup(text)).flatMap(({ kind, text }) => (kind === 'formula' ? [text] : [])),
    ];
    for (const tex of formulas) {
      const html = katex.renderToString(tex, FORMULA_OPTIONS);
      const parts = [...tex.matchAll(/\\part\{(\w+)\}/g)].map(([, part]) => part);
      const found = [...html.matchAll(/data-part="(\w+)"/g)].map(([, part]) => part);
      // Numerators are written before denominators, and set after them.
      expect(found.sort()).toEqual(parts.sort());
    }
  });

  test.each(steps)('$name: what it runs is asked about and shown in numbers', ({ step }) => {
    const tries = (step.actions ?? []).filter(({ run, recorded }) => run === 'trial' || recorded !== undefined);
    if (tries.length === 0) return;
    expect(step.rows?.length ?? 0).toBeGreaterThan(0);
    expect(Object.keys(step.claims ?? {}).length).toBeGreaterThan(0);
  });

  test.each(steps)('$name: sentences with numbers or comparisons rest on claims', ({ step }) => {
    for (const sentence of paragraphsOf(step).flatMap(sentencesOf)) {
      const words = readMarkup(sentence)
        .filter(({ kind }) => kind === 'words')
        .map(({ text }) => text)
        .join(' ');
      // Who asks says nothing.
      if (sentence.endsWith('?') || !MEASURED_WORDS.test(words.replace(NAMES, ''))) continue;
      expect(marksOf(sentence).length, `“${sentence}” rests on no claim`).toBeGreaterThan(0);
    }
  });

  test('every step is short', () => {
    for (const { name, step } of steps) expect(step.text.length, name).toBeLessThanOrEqual(3);
  });

  test('every number of a run can be taken', () => {
    const run = observedAt(inventedRun(), 100);
    for (const { of, label } of Object.values<Quantity>(QUANTITIES)) expect(of(run), label).toBeTypeOf('number');
    expect(QUANTITIES.softmaxError.of(run)).toBeLessThan(1e-9);
    expect(QUANTITIES.rowSumError.of(run)).toBeLessThan(1e-9);
    expect(QUANTITIES.pairsRead.of(run)).toBe(56);
    expect(QUANTITIES.rowsWithPartner.of(run)).toBe(1);
  });
});

/** Sentences of a paragraph, each with the marks behind it. */
function sentencesOf(paragraph: string): string[] {
  return paragraph.split(/(?<=[.?!:](?:\{[a-z,]+\})?)\s+(?=[A-Z“$*(])/);
}

/** Names that have digits, or are no measurement. */
const NAMES = /SmolLM2-135M|BM25|lesson \d+|recall@1|chunk \d/gi;
const MEASURED_WORDS =
  /\d|\b(falls|fell|rises|sinks|less than|more than|half of|every seed|nearly|higher|longer|louder|near chance|no better|(is|are) the same)\b/;

describe('what an action runs', () => {
  test('is the defaults with its changes, on the reader’s own checkpoint and memory', () => {
    const mine = { ...defaultConfiguration(), temperature: 3, memoryBudget: 9, checkpoint: 'some/model' };
    expect(configurationOf({ changes: { vNorm: false } }, mine)).toEqual({
      ...defaultConfiguration(),
      vNorm: false,
      memoryBudget: 9,
      checkpoint: 'some/model',
    });
    expect(configurationOf({ preset: 'gentle' }, mine)).toMatchObject({ base: 'checkpoint', contextGate: 0.25 });
  });
});

describe('data that cannot be used is refused', () => {
  const good = { id: '9', title: 'T', about: 'A', steps: [{ title: 'S', text: ['Words.'] }] };
  const run = { label: 'L', run: 'trial' };
  const gains = { action: 0, of: 'gain', is: '>', value: 0 };
  const question = {
    ask: 'Which?',
    answers: [
      { text: 'A', holds: [gains], why: ['So.'] },
      { text: 'B', holds: [{ ...gains, is: '<' }] },
    ],
  };
  const step = (extra: object) => ({ ...good, steps: [{ title: 'S', text: ['Words.'], ...extra }] });

  test('a good one is taken', () => {
    expect(readLesson(good)).toBe(good);
    const claims = { a: [{ action: 0, of: 'gain', is: '>', value: 0 }] };
    expect(() => readLesson(step({ text: ['Words.{a}'], actions: [run], claims }))).not.toThrow();
    expect(() => readLesson(step({ actions: [run], question }))).not.toThrow();
  });

  const bad: [string, unknown, RegExp][] = [
    ['no object', [], /the lesson/],
    ['no steps', { ...good, steps: [] }, /steps/],
    ['an unknown field', { ...good, colour: 'red' }, /colour/],
    ['a text that is too long', step({ text: ['x'.repeat(1000)] }), /steps\[0\]\.text\[0\]/],
    ['an unknown setting', step({ actions: [{ ...run, changes: { speed: 1 } }] }), /speed/],
    ['a value out of range', step({ actions: [{ ...run, changes: { temperature: 99 } }] }), /Temperature/],
    ['settings that contradict', step({ actions: [{ ...run, changes: { chunks: 7 } }] }), /groups/],
    ['an unknown preset', step({ actions: [{ label: 'L', run: 'train', preset: 'no' }] }), /preset/],
    ['an action that does nothing', step({ actions: [{ label: 'L' }] }), /nothing/],
    ['an unknown part of the page', step({ hides: ['roof'] }), /roof/],
    ['an unknown part in a formula', step({ formula: '\\part{roof}{A}' }), /roof/],
    ['an unknown number', step({ rows: ['luck'] }), /luck/],
    ['a plot of no row', step({ rows: ['gain'], plot: 'chance' }), /plot/],
    ['a path for a recorded run', step({ actions: [{ label: 'L', recorded: '../x', step: 1 }] }), /recorded/],
    ['a trial that runs too long', step({ actions: [{ ...run, steps: 500 }] }), /from 1 to 200/],
    ['steps of what is no trial', step({ actions: [{ label: 'L', run: 'train', steps: 5 }] }), /trial/],
    ['a trial on a checkpoint', step({ actions: [{ ...run, preset: 'gentle' }] }), /checkpoint/],
    ['a claim on no action', step({ text: ['Words.{a}'], claims: { a: [gains] } }), /no action 0/],
    ['a claim on what runs nothing', step({ actions: [{ label: 'L', matrix: 'S' }], question }), /runs nothing/],
    [
      'a claim without a value',
      step({ text: ['Words.{a}'], actions: [run], claims: { a: [{ action: 0, of: 'gain', is: '>' }] } }),
      /value/,
    ],
    ['a claim that no sentence rests on', step({ actions: [run], claims: { a: [gains] } }), /no sentence/],
    ['a mark of no claim', step({ text: ['Words.{b}'] }), /\{b\}/],
    [
      'one answer',
      step({ actions: [run], question: { ...question, answers: question.answers.slice(0, 1) } }),
      /2 to 4/,
    ],
    [
      'answers none of which is explained',
      step({ actions: [run], question: { ...question, answers: question.answers.map(({ why: _, ...one }) => one) } }),
      /why it happens/,
    ],
  ];
  test.each(bad)('%s', (_name, value, message) => {
    expect(() => readLesson(value)).toThrow(CheckError);
    expect(() => readLesson(value)).toThrow(message);
  });
});

describe('links', () => {
  test('name a lesson and a step', () => {
    expect(readPlace('lesson=3.2')).toEqual({ lesson: '3', step: 2 });
    expect(readPlace('lesson=3')).toEqual({ lesson: '3', step: 1 });
    expect(readPlace('lesson=03.0')).toEqual({ lesson: '3', step: 1 });
    expect(readPlace(placeFragment({ lesson: '6', step: 12 }))).toEqual({ lesson: '6', step: 12 });
  });

  test.each(['', 'v=1&preset=facts', 'lesson=', 'lesson=x', 'lesson=3.2.1', 'lesson=333', 'xlesson=3'])(
    '%j is none',
    (text) => {
      expect(readPlace(text)).toBeUndefined();
    },
  );
});

test('paragraphs hold strong words and formulas', () => {
  expect(readMarkup('The **matrix** is $A_{ij}$.')).toEqual([
    { kind: 'words', text: 'The ' },
    { kind: 'strong', text: 'matrix' },
    { kind: 'words', text: ' is ' },
    { kind: 'formula', text: 'A_{ij}' },
    { kind: 'words', text: '.' },
  ]);
});

test('marks of claims stand behind their sentences and are not shown', () => {
  const text = 'One.{a} Two $x_{ij}$.{b,c}';
  expect(marksOf(text)).toEqual(['a', 'b', 'c']);
  expect(withoutMarks('One.{a} Two.{b,c}')).toBe('One. Two.');
  expect(readMarkup(text).map((stretch) => stretch.text)).toEqual(['One. Two ', 'x_{ij}', '.']);
});
