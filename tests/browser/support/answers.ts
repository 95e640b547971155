import type { Page } from '@playwright/test';
import type { CommandOf, CommandType } from '../../../src/lab/door/protocol.ts';
import type { StepRecord } from '../../../src/run/record.ts';
import { inventedPair } from './inventedInspection.ts';
import { inventedStep } from './inventedRun.ts';
import { answer, commands } from './openPage.ts';

/** The commands of one type that the page has sent. */
export const asked = async <T extends CommandType>(page: Page, type: T) =>
  (await commands(page)).filter((one): one is CommandOf<T> => one.type === type);

/** What the scripted lab sends as its step n. */
export function recordOf(step: number): StepRecord {
  const record = inventedStep(1 + 8 * ((step - 1) % 60));
  return { ...record, metrics: { ...record.metrics, step } };
}

/** Answers the last question for a pair. */
export async function answerPair(page: Page): Promise<{ record: StepRecord; query: number; context: number }> {
  const command = (await asked(page, 'inspectPair')).at(-1);
  if (!command) throw new Error('No pair was asked for.');
  const record = recordOf(command.step);
  const { query, context, layer } = command;
  await answer(page, 'inspectPair', inventedPair(record, query, context, layer));
  return { record, query, context };
}
