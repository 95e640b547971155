import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import type { Runtime } from '../../../ops/core/runtime.ts';
import { comparisonSvg } from '../../../run/comparison/chart.ts';
import {
  budgetOf,
  ComparisonError,
  contendersOf,
  readComparison,
  type ComparisonDefinition,
} from '../../../run/comparison/definition.ts';
import { comparisonJson, curvesTsv } from '../../../run/comparison/report.ts';
import { runComparison, storedComparison } from '../../../run/comparison/runComparison.ts';
import type { ComparisonState } from '../../../run/comparison/state.ts';
import { StoredComparisons, type ComparisonRequest } from '../../../run/comparison/storedComparisons.ts';
import { requireTeacher, type NamedTeacher } from '../../../run/comparison/teacher.ts';
import { trialCount } from '../../../run/comparison/trials.ts';
import { flopsOf, flopsText } from '../../../run/flops.ts';
import { prepareRun } from '../../../run/openRun.ts';
import { openBoth, type Pretrained } from '../../../run/pretrained.ts';
import type {
  ComparisonEntry,
  ComparisonPlan,
  ComparisonProgress,
  ComparisonReport,
} from '../../door/comparisonViews.ts';
import { LabFailure } from '../../door/labError.ts';
import type { CommandOf } from '../../door/protocol.ts';
import type { LabFile } from '../../door/views.ts';
import { BASE, countOf, reportOf, toldOf } from './comparisonReport.ts';
import { JudgingCollections } from './judgingCollections.ts';
import type { Surroundings } from '../modelDesk.ts';

/** Who asks for one, as far as its runs concern them. */
interface Making {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ComparisonProgress) => void;
}

/** The GPU while nobody trains on it. */
export interface Apart {
  openRuntime(): Promise<Runtime>;
  /** Lets in what waits to look at the run that is open. */
  letIn(): Promise<void>;
}

/** What of the session a comparison takes in. */
export interface AtHand {
  /** Finds a checkpoint by its name. */
  readonly openModel: (name: string) => Promise<Pretrained>;
  /** The collection that is open, if any. */
  readonly collection: () => LabelledCollection | undefined;
  /** The pretrained encoder that is open, if any. */
  readonly teacher: () => NamedTeacher | undefined;
}

/**
 * Comparisons of several runs at one budget: made one run after the other, kept in this browser at every look, gone on with after a
 * stop or a reload. The run that is open is left alone.
 */
export class ComparisonDesk {
  readonly #stored: StoredComparisons;
  readonly #claim: (id: string) => Promise<boolean>;
  readonly #now: () => number;
  readonly #judging: JudgingCollections;
  #running: string | undefined;

  constructor(
    private readonly atHand: AtHand,
    { comparisons, claimComparison = () => Promise.resolve(true) }: Surroundings,
  ) {
    this.#stored = new StoredComparisons(comparisons);
    this.#claim = claimComparison;
    this.#judging = new JudgingCollections(atHand.collection);
    this.#now = () => Date.now();
  }

  /** How many runs it would be, and how many operations. @throws ComparisonError, which names the field at fault */
  async plan(
    { definition: content, text, title }: CommandOf<'planComparison'>,
    signal: AbortSignal,
  ): Promise<ComparisonPlan> {
    const definition = this.#possible(content);
    const contenders = contendersOf(definition, BASE);
    const { kind, amount } = budgetOf(definition);
    const { seeds, learningRates } = definition;
    const chosen = learningRates ? learningRates.values.length : 0;
    const runs = trialCount(definition, contenders);
    // In budgets of a run that is reported.
    const budgets = seeds.length + chosen * (learningRates?.share ?? 1);
    let flops: number | undefined = kind === 'flops' ? 0 : undefined;
    for (const { configuration } of contenders) {
      signal.throwIfAborted();
      if (kind === 'seconds') break;
      if (kind === 'flops') {
        flops = (flops ?? 0) + budgets * amount;
        continue;
      }
      const prepared = await prepareRun(
        { configuration, text, title },
        { openBases: (one) => openBoth(one, this.atHand.openModel), signal },
      );
      const { chunks, accumulation } = configuration;
      const steps = kind === 'steps' ? amount : amount / (chunks * accumulation);
      flops = (flops ?? 0) + budgets * steps * (await flopsOf(prepared));
    }
    const choosing = chosen > 0 ? `, ${chosen * contenders.length} of them to choose learning rates` : '';
    const cost =
      flops === undefined
        ? `${Math.round(budgets * amount * contenders.length)} seconds of training`
        : `about ${flopsText(flops)}`;
    return {
      title: definition.title,
      contenders: contenders.map(({ name }) => name),
      runs,
      flops,
      words: `${contenders.length} compared, ${runs} runs${choosing}: ${cost} in all, besides looking at them.`,
    };
  }

  /** What this browser keeps, the newest first. */
  async list(): Promise<ComparisonEntry[]> {
    const ids = await this.#stored.ids();
    return Promise.all(ids.map((id) => this.#entry(id)));
  }

  /** One that is kept, as far as it has come. @throws ComparisonError */
  async read({ id }: CommandOf<'readComparison'>): Promise<ComparisonReport> {
    return reportOf(id, await this.#state(id));
  }

  /** Makes a comparison from its beginning. @throws ComparisonError before anything is kept */
  async begin(
    { definition, text, title }: CommandOf<'compare'>,
    apart: Apart,
    making: Making,
  ): Promise<ComparisonReport> {
    const { collection } = this.#possible(definition);
    const request = { definition, text, title, begun: this.#now() };
    const id = await this.#stored.begin(request, this.#judging.own(collection));
    return this.goOn({ id }, apart, making);
  }

  /** Makes the runs that are missing; what was under way goes on where it was kept. @throws ComparisonError */
  async goOn({ id }: { readonly id: string }, apart: Apart, making: Making): Promise<ComparisonReport> {
    const request = await this.#stored.request(id);
    const definition = understood(request.definition);
    if (!(await this.#claim(id)))
      throw new ComparisonError('Another tab has this comparison open: go on there, or close that tab.');
    const runtime = await apart.openRuntime();
    const { onCompile } = runtime.recorder;
    // Whose kernels are compiled concerns the run that is open, which rests.
    runtime.recorder.onCompile = undefined;
    this.#running = id;
    try {
      const state = await this.#make(id, { definition, request, runtime, apart, making });
      if (making.signal.aborted && state.results.length < countOf(state.definition))
        throw new LabFailure({ kind: 'stopped', message: 'It was stopped.', action: 'It is kept, and can go on.' });
      return reportOf(id, state);
    } finally {
      this.#running = undefined;
      runtime.recorder.onCompile = onCompile;
      giveBack(runtime);
    }
  }

  /** @returns those that are left. @throws ComparisonError for the one that runs */
  async delete({ id }: CommandOf<'deleteComparison'>): Promise<ComparisonEntry[]> {
    if (this.#running === id) throw new ComparisonError('This comparison is running: stop it first.');
    await this.#stored.delete(id);
    return this.list();
  }

  /** Everything, all looks, or a chart by what `axis` says. @throws ComparisonError */
  async export({ id, format, axis }: CommandOf<'exportComparison'>): Promise<LabFile> {
    const state = await this.#state(id);
    const { title } = state.definition;
    const by = axis ?? budgetOf(state.definition).kind;
    const name = title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || 'comparison';
    const text = {
      json: () => `${JSON.stringify(comparisonJson(state), undefined, 1)}\n`,
      tsv: () => curvesTsv(state),
      svg: () => comparisonSvg(state, by),
    }[format]();
    return { name: `${name}${format === 'svg' ? `-${by}` : ''}.${format}`, bytes: new TextEncoder().encode(text) };
  }

  async #make(
    id: string,
    parts: {
      readonly definition: ComparisonDefinition;
      readonly request: ComparisonRequest;
      readonly runtime: Runtime;
      readonly apart: Apart;
      readonly making: Making;
    },
  ): Promise<ComparisonState> {
    const { definition, request, runtime, apart, making } = parts;
    const { info } = runtime.gpu;
    const store = await this.#stored.storeOf(id);
    const events = runComparison(definition, {
      runtime,
      base: BASE,
      text: request.text,
      title: request.title,
      openBases: (one) => openBoth(one, this.atHand.openModel),
      collection:
        (await this.#stored.collection(id)) ?? (await this.#judging.load(definition.collection, making.signal)),
      teacher: this.atHand.teacher(),
      store,
      device: info.description || [info.vendor, info.architecture].filter(Boolean).join(' ') || 'GPU',
      signal: making.signal,
    });
    let told: ComparisonProgress | undefined;
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value;
      told = { ...toldOf(value, id, definition.score, told), ...(value.type === 'result' && (await this.#whole(id))) };
      if (value.type === 'result') giveBack(runtime);
      making.onProgress(told);
      await apart.letIn();
    }
  }

  /** What a definition says, where it can be made with what is at hand. @throws ComparisonError */
  #possible(content: unknown): ComparisonDefinition {
    const definition = understood(content);
    this.#judging.expect(definition.collection);
    requireTeacher(contendersOf(definition, BASE), this.atHand.teacher());
    return definition;
  }

  /** How all stand, where a run has ended. */
  async #whole(id: string): Promise<{ readonly report: ComparisonReport }> {
    return { report: await this.read({ type: 'readComparison', id }) };
  }

  async #state(id: string): Promise<ComparisonState> {
    const state = await storedComparison(await this.#stored.storeOf(id));
    if (state) return state;
    const { definition } = await this.#stored.request(id);
    return { version: 1, definition: understood(definition), fingerprint: '', device: '', beside: {}, results: [] };
  }

  async #entry(id: string): Promise<ComparisonEntry> {
    const isRunning = this.#running === id;
    try {
      const { begun } = await this.#stored.request(id);
      const { definition, results } = await this.#state(id);
      const of = countOf(definition);
      const done = results.length;
      return { id, title: definition.title, begun, done, of, isRunning, canGoOn: !isRunning && done < of };
    } catch {
      // Cut off, or of a version that knew other settings: it can only be deleted.
      return { id, title: 'Cannot be read any more', begun: undefined, done: 0, of: 0, isRunning, canGoOn: false };
    }
  }
}

/** @throws ComparisonError */
function understood(content: unknown): ComparisonDefinition {
  return readComparison(content, BASE);
}

/** What a run has left in the pool goes back to the GPU. Between two steps nothing waits to be sent. */
function giveBack(runtime: Runtime): void {
  runtime.recorder.discard();
  runtime.pool.trim();
}
