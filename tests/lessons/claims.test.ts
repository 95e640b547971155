import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultConfiguration } from '../../src/settings/configuration.ts';
import type { RunRecord } from '../../src/run/record.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { LESSONS } from '../../src/ui/panels/lessons/all.ts';
import { configurationOf } from '../../src/ui/panels/lessons/configurationOf.ts';
import {
  holds,
  type Claim,
  type ClaimMetric,
  type EngineClaim,
  type LessonAction,
  type LessonStep,
  type RecordedClaim,
} from '../../src/ui/panels/lessons/lesson.ts';
import { heldOutFigure, METRICS } from '../../src/ui/panels/lessons/metrics.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { Engine, type Observed } from './engine.ts';

const recordedPath = (name: string): URL => new URL(`../../public/recorded/${name}.json`, import.meta.url);
const claims = LESSONS.flatMap(({ id, steps }) =>
  steps.flatMap((step, s) =>
    (step.claims ?? []).map((claim, c) => ({
      name: `${id}.${s + 1}, claim ${c + 1}: ${worded(claim, step)}`,
      claim,
      step,
    })),
  ),
);

function isRecorded(claim: Claim): claim is RecordedClaim {
  return 'recorded' in claim;
}

function worded(claim: Claim, step: LessonStep): string {
  const wanted =
    'against' in claim && claim.against ? `that of “${step.actions?.[claim.against.action]?.label}”` : claim.value;
  return isRecorded(claim)
    ? `${claim.recorded} at ${claim.step ?? 'its end'}: ${claim.heldOut} ${claim.is} ${wanted}`
    : `“${step.actions?.[claim.action]?.label}”: ${claim.metric} ${claim.is} ${wanted}`;
}

describe('on the engine', () => {
  let runtime: Runtime;
  let engine: Engine;
  beforeAll(async () => {
    runtime = await openTestRuntime();
    engine = new Engine(runtime);
  });
  afterAll(() => runtime.destroy());

  async function measure(action: LessonAction | undefined, steps: number, metric: ClaimMetric): Promise<number> {
    if (!action) throw new Error('The claim names no action.');
    const configuration = configurationOf(action, defaultConfiguration());
    if (metric === 'largestReading') return Math.max(...(await engine.largestReadings(configuration)));
    if (metric === 'firstLayerReading') return (await engine.largestReadings(configuration))[0] ?? NaN;
    if (metric === 'heldOutShift') return engine.heldOutShift(configuration, steps);
    const { record }: Observed = await engine.train(configuration, steps);
    return METRICS[metric].of(record, configuration);
  }

  /** Training until partners are found takes some hundred steps, on a software GPU too. */
  const PATIENCE_MS = 1_800_000;

  const own = claims.filter((one): one is typeof one & { claim: EngineClaim } => !isRecorded(one.claim));
  test.each(own)(
    '$name',
    async ({ claim, step }) => {
      const { action, steps = 1, metric, is, value = NaN, against, tolerance } = claim;
      const found = await measure(step.actions?.[action], steps, metric);
      const wanted = against
        ? (against.factor ?? 1) * (await measure(step.actions?.[against.action], against.steps ?? 1, metric))
        : value;
      expect(holds(found, is, wanted, tolerance), `${metric} is ${found}; wanted: ${is} ${wanted}`).toBe(true);
    },
    PATIENCE_MS,
  );
});

describe('on recorded runs', () => {
  const told = claims.filter((one): one is typeof one & { claim: RecordedClaim } => isRecorded(one.claim));

  test.each(told)('$name', ({ claim }) => {
    const run = JSON.parse(readFileSync(recordedPath(claim.recorded), 'utf8')) as RunRecord;
    const found = heldOutFigure(run, claim.heldOut, claim.step);
    expect(holds(found, claim.is, claim.value, claim.tolerance), `found ${found}`).toBe(true);
  });
});
