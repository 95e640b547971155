import katex from 'katex';
import { describe, expect, test } from 'vitest';
import { defaultConfiguration } from '../../../src/settings/configuration.ts';
import { LESSONS } from '../../../src/ui/panels/lessons/all.ts';
import { configurationOf } from '../../../src/ui/panels/lessons/configurationOf.ts';
import { holds } from '../../../src/ui/panels/lessons/lesson.ts';
import { placeFragment, readPlace } from '../../../src/ui/panels/lessons/link.ts';
import { readMarkup } from '../../../src/ui/panels/lessons/text/markup.ts';
import { METRICS, type LessonMetric } from '../../../src/ui/panels/lessons/metrics.ts';
import { readLesson } from '../../../src/ui/panels/lessons/read.ts';
import { CheckError } from '../../../src/ui/components/check.ts';
import { FORMULA_OPTIONS } from '../../../src/ui/panels/lessons/text/typeset.ts';
import { inventedStep } from '../../browser/support/inventedRun.ts';

const steps = LESSONS.flatMap(({ id, steps }) =>
  steps.map((step, i) => ({ name: `${id}.${i + 1} ${step.title}`, step })),
);

describe('the lessons', () => {
  test('are six, numbered from 1', () => {
    expect(LESSONS.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6']);
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

  test.each(steps)('$name: what it runs rests on claims', ({ step }) => {
    const runs = (step.actions ?? []).flatMap(({ run, recorded, preset }, i) =>
      (run !== undefined && preset === undefined) || recorded !== undefined ? [i] : [],
    );
    if (runs.length > 0) expect(step.claims?.length ?? 0).toBeGreaterThan(0);
  });

  test('every step is short', () => {
    for (const { name, step } of steps) expect(step.text.length, name).toBeLessThanOrEqual(3);
  });

  test('every number of a step can be shown', () => {
    const record = inventedStep(100);
    for (const { of, label } of Object.values<LessonMetric>(METRICS)) {
      expect(of(record, defaultConfiguration()), label).toBeTypeOf('number');
    }
    expect(METRICS.softmaxError.of(record, defaultConfiguration())).toBeLessThan(1e-9);
    expect(METRICS.rowSumError.of(record)).toBeLessThan(1e-9);
    expect(METRICS.pairsRead.of(record)).toBe(56);
    expect(METRICS.rowsWithPartner.of(record)).toBe(1);
  });
});

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
  const run = { label: 'L', run: 'step' };
  const step = (extra: object) => ({ ...good, steps: [{ title: 'S', text: ['Words.'], ...extra }] });

  test('a good one is taken', () => {
    expect(readLesson(good)).toBe(good);
    const claims = [{ action: 0, metric: 'gain', is: '>', value: 0 }];
    expect(() => readLesson(step({ actions: [run], expect: 'This.', claims }))).not.toThrow();
  });

  const bad: [string, unknown, RegExp][] = [
    ['no object', [], /the lesson/],
    ['no steps', { ...good, steps: [] }, /steps/],
    ['an unknown field', { ...good, colour: 'red' }, /colour/],
    ['a text that is too long', step({ text: ['x'.repeat(1000)] }), /steps\[0\]\.text\[0\]/],
    ['an unknown setting', step({ actions: [{ ...run, changes: { speed: 1 } }], expect: 'x' }), /speed/],
    ['a value out of range', step({ actions: [{ ...run, changes: { temperature: 99 } }], expect: 'x' }), /Temperature/],
    ['settings that contradict', step({ actions: [{ ...run, changes: { chunks: 7 } }], expect: 'x' }), /groups/],
    ['an unknown preset', step({ actions: [{ ...run, preset: 'no' }], expect: 'x' }), /preset/],
    ['a run without what to expect', step({ actions: [run] }), /expect/],
    ['an action that does nothing', step({ actions: [{ label: 'L' }] }), /nothing/],
    ['an unknown part of the page', step({ hides: ['roof'] }), /roof/],
    ['an unknown part in a formula', step({ formula: '\\part{roof}{A}' }), /roof/],
    ['an unknown number', step({ watch: ['luck'] }), /luck/],
    ['a path for a recorded run', step({ actions: [{ label: 'L', recorded: '../x', step: 1 }] }), /recorded/],
    ['a claim on no action', step({ claims: [{ action: 0, metric: 'gain', is: '>', value: 0 }] }), /no action 0/],
    [
      'a claim that runs too long',
      step({ actions: [run], expect: 'x', claims: [{ action: 0, steps: 500, metric: 'gain', is: '>', value: 0 }] }),
      /from 1 to 200/,
    ],
    [
      'a claim without a value',
      step({ actions: [run], expect: 'x', claims: [{ action: 0, metric: 'gain', is: '>' }] }),
      /value/,
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
