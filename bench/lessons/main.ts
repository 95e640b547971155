import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { openNodeRuntime } from '../../src/cli/support/nodeGpu.ts';
import { gpuText, timeText } from '../../src/cli/support/reports.ts';
import { metricOf } from '../../src/run/record.ts';
import type { Configuration } from '../../src/settings/configuration.ts';
import { LESSONS } from '../../src/ui/panels/lessons/all.ts';
import type { LessonAction } from '../../src/ui/panels/lessons/lesson.ts';
import {
  isOf,
  type MeasuredLesson,
  type MeasuredRun,
  type MeasuredTrial,
} from '../../src/ui/panels/lessons/numbers/measured.ts';
import type { Observed } from '../../src/ui/panels/lessons/numbers/observed.ts';
import { take, type QuantityName } from '../../src/ui/panels/lessons/numbers/quantities.ts';
import { trialOf } from '../../src/ui/panels/lessons/trials/trialOf.ts';
import { runTrial } from './trial.ts';

const FOLDER = new URL('../../src/ui/panels/lessons/measured/', import.meta.url);
/** Seeds of a trial that is over at once; a longer one has those of its action. */
const SEEDS = 5;
/** Steps up to which a trial is short. */
const SHORT = 5;
/** So many losses show that a later engine would measure the same again. */
const FIRST_LOSSES = 3;

const HELP = `npm run bench:lessons [-- ID …] [--missing]

Runs the trials of the lessons (all, or those of the given ids) on this machine's GPU, with the seeds from 0 on (${SEEDS}; as many
as the lesson asks for where a trial has more than ${SHORT} steps), and writes their numbers to src/ui/panels/lessons/measured. All together take about an hour on a
software GPU. --missing leaves alone the runs that are measured with all their numbers: it goes on where it was stopped.
`;

export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (args.includes('help') || args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const ids = args.filter((arg) => /^\d+$/.test(arg));
  const runtime = await openNodeRuntime();
  /** Each run is made once, whatever steps of the lessons want numbers of it. */
  const made = new Map<string, Promise<Observed>>();
  const observe = (configuration: Configuration, steps: number): Promise<Observed> => {
    const key = JSON.stringify([configuration, steps]);
    const run = made.get(key) ?? runTrial(runtime, configuration, steps, signal);
    made.set(key, run);
    return run;
  };
  try {
    for (const lesson of LESSONS) {
      if (ids.length > 0 && !ids.includes(lesson.id)) continue;
      const before = args.includes('--missing') ? read(lesson.id) : undefined;
      const trials: MeasuredTrial[] = [];
      const command = `npm run bench:lessons -- ${lesson.id}`;
      for (const [s, step] of lesson.steps.entries())
        for (const [a, action] of (step.actions ?? []).entries()) {
          if (action.run !== 'trial') continue;
          const known = before?.trials.find((one) => one.step === s + 1 && one.action === a);
          const { configuration, steps, names } = trialOf(step, action);
          const runs: MeasuredRun[] = [];
          for (let seed = 0; seed < seedsOf(action); seed++) {
            const started = performance.now();
            const found = known && isOf(known, action) ? known.runs[seed] : undefined;
            const isWhole = found && names.every((name) => name in found.values);
            runs.push(isWhole ? found : numbersOf(await observe(configuration(seed), steps), names));
            // What was measured of the trials behind it stays, should this be stopped.
            const later = (before?.trials ?? []).filter(
              (one) => one.step > s + 1 || (one.step === s + 1 && one.action > a),
            );
            const trial = { step: s + 1, action: a, changes: action.changes ?? {}, steps, runs };
            await write(lesson.id, { command, adapter: gpuText(runtime), trials: [...trials, trial, ...later] });
            if (!isWhole)
              process.stderr.write(
                `${lesson.id}.${s + 1} ${action.label}, seed ${seed}: ${timeText(performance.now() - started)} ${JSON.stringify(runs.at(-1)?.values)}\n`,
              );
          }
          trials.push({ step: s + 1, action: a, changes: action.changes ?? {}, steps, runs });
        }
    }
  } finally {
    runtime.destroy();
  }
  return 0;
}

function seedsOf({ steps = 1, seeds = 1 }: LessonAction): number {
  return steps > SHORT ? seeds : SEEDS;
}

function numbersOf(run: Observed, names: readonly QuantityName[]): MeasuredRun {
  // What a run has no number of is left out.
  const values = Object.entries(take(names, run)).filter(([, value]) => Number.isFinite(value));
  return {
    values: Object.fromEntries(values),
    begins: run.metrics.slice(0, FIRST_LOSSES).map((metrics) => metricOf(metrics, 'ntpLoss')),
  };
}

function pathOf(id: string): URL {
  return new URL(`${id}.json`, FOLDER);
}

function read(id: string): MeasuredLesson | undefined {
  return existsSync(pathOf(id)) ? (JSON.parse(readFileSync(pathOf(id), 'utf8')) as MeasuredLesson) : undefined;
}

async function write(id: string, lesson: MeasuredLesson): Promise<void> {
  const path = pathOf(id);
  const options = await resolveConfig(path);
  writeFileSync(path, await format(JSON.stringify(lesson), { ...options, parser: 'json' }));
}
