import type { ObjectiveBatch } from '../../objectives/objective.ts';
import { setUpCorpus } from '../../run/corpusSetup.ts';
import { CorpusFeed } from '../../run/feed.ts';
import { plannedRun } from '../../run/memory.ts';
import type { PlannedRun } from '../../run/memoryPlan.ts';
import { smallBases } from '../../run/openRun.ts';
import type { Configuration } from '../../settings/configuration.ts';
import type { BatchFeed } from '../../training/trainer.ts';
import type { PlanDesk } from './planDesk.ts';

/** A run that nobody has asked for yet. */
export interface RunAhead {
  readonly run: PlannedRun;
  /** Its batches, where they can be known cheaply. */
  readonly feed: BatchFeed<ObjectiveBatch> | undefined;
}

/**
 * What a run of these settings would be. Small models know as many words as their text has, which decides how some kernels read. A text of
 * one's own is not read for that alone: it may be long, and most have as many words as may be.
 * @throws SettingError for a checkpoint of which nothing is known
 */
export async function runAhead(plans: PlanDesk, configuration: Configuration, signal: AbortSignal): Promise<RunAhead> {
  if (configuration.base === 'checkpoint' || configuration.source === 'text') {
    const { bases } = await plans.bases(configuration);
    return { run: plannedRun(configuration, bases), feed: undefined };
  }
  const corpus = await setUpCorpus(configuration, { text: undefined, title: undefined, bases: undefined, signal });
  const bases = smallBases(configuration, corpus.tokenizer.vocabularySize);
  return { run: plannedRun(configuration, bases), feed: new CorpusFeed(corpus, configuration) };
}
