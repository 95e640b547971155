import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { metricOf, type RunRecord } from '../../src/run/record.ts';
import { LESSONS } from '../../src/ui/panels/lessons/all.ts';
import type { LessonAction, LessonStep } from '../../src/ui/panels/lessons/lesson.ts';
import { measuredTrial } from '../../src/ui/panels/lessons/measuredLessons.ts';
import {
  ENGINE_QUANTITIES,
  fulfils,
  fulfilsAll,
  type NumberClaim,
  type RecordedClaim,
  type TestedClaim,
  type Condition,
  type Results,
  type Values,
} from '../../src/ui/panels/lessons/numbers/conditions.ts';
import { observedAt } from '../../src/ui/panels/lessons/numbers/observed.ts';
import { take } from '../../src/ui/panels/lessons/numbers/quantities.ts';
import { onRecord } from '../../src/ui/panels/lessons/numbers/recordedClaim.ts';
import { namesOf, trialOf } from '../../src/ui/panels/lessons/trials/trialOf.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { Engine } from './engine.ts';

/** Trials of more steps are measured beforehand (npm run bench:lessons); their beginnings are run here. */
const MOST_STEPS = 20;
/** Kernels that are compiled on the way take long on a software GPU. */
const PATIENCE_MS = 600_000;
/** How far two GPUs are apart: after a step, and after twenty. Relative beyond 1, and to what the numbers are shown with below. */
const NEAR = { once: 2e-3, often: 2e-2 } as const;

interface Told {
  readonly name: string;
  readonly lesson: string;
  readonly number: number;
  readonly step: LessonStep;
}

const steps: Told[] = LESSONS.flatMap(({ id, steps: all }) =>
  all.map((step, i) => ({ name: `${id}.${i + 1} ${step.title}`, lesson: id, number: i + 1, step })),
);

const recorded = new Map<string, RunRecord>();
function recordedRun(name: string): RunRecord {
  const path = new URL(`../../public/recorded/${name}.json`, import.meta.url);
  const run = recorded.get(name) ?? (JSON.parse(readFileSync(path, 'utf8')) as RunRecord);
  recorded.set(name, run);
  return run;
}

/** What came of a step's actions: of trials as they were measured, of recorded runs as they were recorded. */
function resultsOf({ lesson, number, step }: Told): Results {
  return (step.actions ?? []).map((action, i) => {
    if (action.recorded !== undefined)
      return [take(namesOf(step), observedAt(recordedRun(action.recorded), action.step ?? 0))];
    return measuredTrial(lesson, number, i, action)?.runs.map(({ values }) => values);
  });
}

function isOfRecord(claim: NumberClaim): claim is RecordedClaim {
  return 'recorded' in claim;
}

function isOfEngine(claim: NumberClaim): boolean {
  return (ENGINE_QUANTITIES as readonly string[]).includes(claim.of);
}

/** The claims about numbers that sentences of a step rest on, with their marks. */
function claimsOf({ claims = {} }: LessonStep): (readonly [string, NumberClaim])[] {
  return Object.entries(claims).flatMap(([mark, all]) =>
    all.flatMap((claim) => ('tested' in claim ? [] : [[mark, claim] as const])),
  );
}

test('what holds for any run is tested by itself', () => {
  const tested = steps.flatMap(({ step }) =>
    Object.values(step.claims ?? {})
      .flat()
      .filter((claim): claim is TestedClaim => 'tested' in claim),
  );
  expect(tested.length).toBeGreaterThan(0);
  for (const { tested: path, named } of tested)
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'), `${path}: ${named}`).toContain(named);
});

describe('as measured and recorded', () => {
  const trials = steps.flatMap((told) =>
    (told.step.actions ?? []).flatMap((action, i) =>
      action.run === 'trial' ? [{ ...told, name: `${told.name}: ${action.label}`, action, i }] : [],
    ),
  );
  test.each(trials)('$name: was measured as it is now', ({ lesson, number, action, i, step }) => {
    const measured = measuredTrial(lesson, number, i, action);
    expect(measured?.runs.length ?? 0, 'npm run bench:lessons -- ID --missing').toBeGreaterThanOrEqual(
      action.seeds ?? 1,
    );
    const absent = claimsOf(step).flatMap(([, { is, of }]) => (is === 'absent' ? [of] : []));
    const wanted = (step.rows ?? []).filter((name) => !absent.includes(name));
    for (const { values } of measured?.runs ?? []) for (const name of wanted) expect(values, name).toHaveProperty(name);
  });

  const asked = steps.filter(({ step }) => step.question);
  test.each(asked)('$name: of all answers, the explained one happens', (told) => {
    const results = resultsOf(told);
    for (const { text, holds, why } of told.step.question?.answers ?? [])
      expect(fulfilsAll(holds, results), `“${text}” on ${JSON.stringify(results)}`).toBe(why !== undefined);
  });

  const claims = steps.flatMap((told) =>
    claimsOf(told.step)
      .filter(([, claim]) => !isOfEngine(claim))
      .map(([mark, claim]) => ({ ...told, name: `${told.name}: {${mark}} ${JSON.stringify(claim)}`, claim })),
  );
  test.each(claims)('$name', ({ claim, ...told }) => {
    if (isOfRecord(claim)) {
      const { found, holds } = onRecord(recordedRun(claim.recorded), claim);
      expect(holds, `found ${found}`).toBe(true);
    } else {
      const results = resultsOf(told);
      expect(fulfils(claim, results), JSON.stringify(results)).toBe(true);
    }
  });
});

describe('on the engine', () => {
  let runtime: Runtime;
  let engine: Engine;
  beforeAll(async () => {
    runtime = await openTestRuntime();
    engine = new Engine(runtime);
  });
  afterAll(() => runtime.destroy());

  /** The first run of a trial, or of its beginning. */
  const run = (step: LessonStep, action: LessonAction, most = Infinity) => {
    const { configuration, steps: all } = trialOf(step, action);
    return engine.train(configuration(0), Math.min(all, most));
  };

  const short = steps.filter(({ step }) =>
    step.actions?.some((action) => action.run === 'trial' && (action.steps ?? 1) <= MOST_STEPS),
  );
  test.each(short)(
    '$name: short trials come to what was measured, and bear the sentences',
    async (told) => {
      const { lesson, number, step } = told;
      const measured = resultsOf(told);
      const live: (readonly Values[] | undefined)[] = [];
      for (const [i, action] of (step.actions ?? []).entries()) {
        const { steps: count = 1 } = action;
        if (action.run !== 'trial' || count > MOST_STEPS) {
          live.push(undefined);
          continue;
        }
        const values: Values = take(namesOf(step), await run(step, action));
        live.push([values]);
        const before = measuredTrial(lesson, number, i, action)?.runs[0]?.values ?? {};
        const near = count > 1 ? NEAR.often : NEAR.once;
        for (const [name, value] of Object.entries(before)) {
          const off = Math.abs((values[name] ?? NaN) - (value ?? NaN)) / Math.max(1, Math.abs(value ?? NaN));
          expect(off, `${action.label}: ${name} is ${values[name]}, measured was ${value}`).toBeLessThan(near);
        }
      }
      // Beside trials that are too long for here stands what was measured of the same seed.
      const results = live.map((runs, i) => runs ?? measured[i]?.slice(0, 1));
      const conditions: Condition<string>[] = claimsOf(step).flatMap(([, claim]) =>
        isOfRecord(claim) || isOfEngine(claim) ? [] : [claim],
      );
      for (const condition of conditions)
        expect(fulfils(condition, results), `${JSON.stringify(condition)} on ${JSON.stringify(results)}`).toBe(true);
      for (const { text, holds, why } of step.question?.answers ?? [])
        expect(fulfilsAll(holds, results), `“${text}” on ${JSON.stringify(results)}`).toBe(why !== undefined);
    },
    PATIENCE_MS,
  );

  const long = steps.flatMap((told) =>
    (told.step.actions ?? []).flatMap((action, i) =>
      (action.steps ?? 1) > MOST_STEPS ? [{ ...told, name: `${told.name}: ${action.label}`, action, i }] : [],
    ),
  );
  test.each(long)(
    '$name: begins as it did when it was measured',
    async ({ lesson, number, step, action, i }) => {
      const begins = measuredTrial(lesson, number, i, action)?.runs[0]?.begins ?? [];
      expect(begins.length).toBeGreaterThan(0);
      const { metrics } = await run(step, action, begins.length);
      for (const [at, loss] of begins.entries())
        expect(metricOf(metrics[at] ?? metrics[0]!, 'ntpLoss')).toBeCloseTo(loss, 2);
    },
    PATIENCE_MS,
  );

  const unseen = steps.flatMap((told) =>
    claimsOf(told.step)
      .filter(([, claim]) => isOfEngine(claim))
      .map(([mark, claim]) => ({ ...told, name: `${told.name}: {${mark}} ${JSON.stringify(claim)}`, claim })),
  );
  test.each(unseen)(
    '$name',
    async ({ claim, step }) => {
      const results: Values[][] = [];
      for (const action of step.actions ?? [])
        results.push([await engine.readings(trialOf(step, action).configuration(0))]);
      expect(fulfils(claim as Condition<string>, results), JSON.stringify(results)).toBe(true);
    },
    PATIENCE_MS,
  );
});
