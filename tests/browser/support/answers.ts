import type { Page } from '@playwright/test';
import type { CommandOf, CommandType } from '../../../src/lab/door/protocol.ts';
import { probePicture, type Picture, type StepRecord } from '../../../src/run/record.ts';
import { inventedPair } from './inventedInspection.ts';
import { inventedProbe, inventedStep } from './inventedRun.ts';
import { answer, commands } from './openPage.ts';

/** The commands of one type that the page has sent. */
export const asked = async <T extends CommandType>(page: Page, type: T) =>
  (await commands(page)).filter((one): one is CommandOf<T> => one.type === type);

/** What the scripted lab sends as its step n. */
export function recordOf(step: number): StepRecord {
  const record = inventedStep(1 + 8 * ((step - 1) % 60));
  return { ...record, metrics: { ...record.metrics, step } };
}

/** The batch that stays the same, as the scripted lab shows it at some time. */
function probeShown(): Picture {
  const probe = inventedProbe([40]);
  return probePicture(probe, probe.records[0]!);
}

/** Answers the last question for a pair. */
export async function answerPair(page: Page): Promise<{ record: Picture; query: number; context: number }> {
  const command = (await asked(page, 'inspectPair')).at(-1);
  if (!command) throw new Error('No pair was asked for.');
  const { step, query, context, layer } = command;
  const record = step === 'probe' ? probeShown() : recordOf(step);
  await answer(page, 'inspectPair', { ...inventedPair(record, query, context, layer), step });
  return { record, query, context };
}
