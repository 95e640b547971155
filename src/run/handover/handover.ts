import { pacer } from '../../corpus/pacer.ts';
import { beirFiles } from '../../evaluation/collections/beirFiles.ts';
import { inFolder, jsonFile, textFile, zipSteps, type NamedFile } from '../../files/formats/zipWriter.ts';
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
  /** Hears at every whole percent how much of the batches is written, 0 to 1. */
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
}

/** Files of the adapters' archive that say less than those here. */
const REPLACED = ['README.md', 'configuration.json'];
const ENCODER = new TextEncoder();
/** What is under way, for whoever waits. */
const WRITING = 'Writing batches';
const PACKING = 'Packing';

/**
 * All that a run needs to go on elsewhere exactly as it would go on here: its next batches, adapters (or models) and AdamW's moments,
 * settings, the runner, held-out data, and what the first step comes to. Asks for the run between two steps and changes nothing in it.
 * @throws HandoverRefusedError for a run that the runner cannot go on with; CorpusError `aborted`
 */
export async function handoverFiles(run: OpenRun, options: HandoverOptions): Promise<NamedFile[]> {
  const { steps } = options;
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
    await groupsFile(run, options),
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
  { steps, signal, onProgress }: HandoverOptions,
): Promise<NamedFile> {
  const { accumulation } = prepared.recipe.configuration;
  const { feed, optimiser } = experiment;
  const pause = pacer(signal, WRITING);
  const tell = wholePercents((fraction) => onProgress?.(WRITING, fraction));
  const count = steps * accumulation;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < count; i++) {
    await pause();
    const group = groupOf(feed.batchAt(optimiser.step * accumulation + i));
    chunks.push(ENCODER.encode(`${JSON.stringify(group)}\n`));
    tell((i + 1) / count);
  }
  return { name: 'groups.jsonl', chunks };
}

/**
 * Files as one zip file's chunks; says at every whole percent how much of them is packed.
 * @throws CorpusError `aborted`; ModelFileError where they do not fit into one
 */
export async function packed(
  files: readonly NamedFile[],
  { signal, onProgress }: Pick<HandoverOptions, 'signal' | 'onProgress'>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const pause = pacer(signal, PACKING);
  const tell = wholePercents((fraction) => onProgress?.(PACKING, fraction));
  const written: Uint8Array<ArrayBuffer>[] = [];
  for (const { chunks, share } of zipSteps(files)) {
    written.push(...chunks);
    tell(share);
    await pause();
  }
  return written;
}

/** Hands on the shares at which one more whole percent is full: a listener behind a worker need not hear thousands. */
function wholePercents(tell: (fraction: number) => void): (fraction: number) => void {
  let told = 0;
  return (fraction) => {
    if (Math.floor(100 * fraction) === told) return;
    told = Math.floor(100 * fraction);
    tell(fraction);
  };
}
