import { pacer } from '../../corpus/pacer.ts';
import { beirFiles } from '../../evaluation/collections/beirFiles.ts';
import { inFolder, jsonFile, textFile, type NamedFile } from '../../files/formats/zipWriter.ts';
import type { OpenRun } from '../openRun.ts';
import { namedFamily } from '../../models/families.ts';
import { runArchive } from '../takeHome.ts';
import { authorsFiles } from './authors.ts';
import { firstStep } from './firstStep.ts';
import { groupOf } from './groups.ts';
import { heldOutCollection } from './heldOut.ts';
import { jobOf } from './job.ts';
import { momentsFile } from './moments.ts';
import { handoverReadme } from './readme.ts';
import { HandoverRefusedError, whyNotHandedOver } from './refusal.ts';
import { runnerFiles } from './runnerFiles.ts';

export interface HandoverOptions {
  /** Updates that there are to be batches for. */
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
}

/** Files of the adapters' archive that say less than those here. */
const REPLACED = ['README.md', 'configuration.json'];
const ENCODER = new TextEncoder();

/**
 * All that a run needs to go on elsewhere exactly as it would go on here: its next batches, adapters (or models) and AdamW's moments,
 * settings, the runner, held-out data, and what the first step comes to. Asks for the run between two steps and changes nothing in it.
 * @throws HandoverRefusedError for a run that the runner cannot go on with; CorpusError `aborted`
 */
export async function handoverFiles(run: OpenRun, { steps, signal }: HandoverOptions): Promise<NamedFile[]> {
  const { prepared, experiment } = run;
  const { retriever, languageModel } = experiment.models;
  const refusal = whyNotHandedOver(prepared.recipe.configuration);
  if (refusal !== undefined) throw new HandoverRefusedError(refusal);
  const job = jobOf(run, steps);
  const first = await firstStep(run);
  const learnt = (await runArchive(run)).filter(({ name }) => !REPLACED.includes(name));
  const heldOut = heldOutCollection(prepared);
  return [
    textFile('README.md', handoverReadme(job, first, heldOut)),
    jsonFile('settings.json', job),
    jsonFile('first-step.json', first),
    await groupsFile(run, steps, signal),
    ...learnt,
    await momentsFile(run),
    ...(heldOut ? inFolder('heldout', beirFiles(heldOut)) : []),
    ...(await runnerFiles()),
    ...inFolder('authors', authorsFiles(job, namedFamily((languageModel ?? retriever).config)?.modelType)),
  ];
}

/** The batches of the next updates, a line each, in the order in which they would be taken here. */
async function groupsFile(
  { experiment, prepared }: OpenRun,
  steps: number,
  signal: AbortSignal | undefined,
): Promise<NamedFile> {
  const { accumulation } = prepared.recipe.configuration;
  const { feed, optimiser } = experiment;
  const pause = pacer(signal, 'Writing batches');
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < steps * accumulation; i++) {
    await pause();
    const group = groupOf(feed.batchAt(optimiser.step * accumulation + i));
    chunks.push(ENCODER.encode(`${JSON.stringify(group)}\n`));
  }
  return { name: 'groups.jsonl', chunks };
}
