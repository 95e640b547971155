import { ComparisonDesk } from './desks/comparison/comparisonDesk.ts';
import { EncoderDesk } from './desks/encoderDesk.ts';
import { EvaluationDesk } from './desks/evaluation/evaluationDesk.ts';
import { InspectDesk } from './desks/inspectDesk.ts';
import { KernelDesk } from './desks/kernelDesk.ts';
import { MeasurementDesk } from './desks/measurementDesk.ts';
import { ModelDesk, type Surroundings } from './desks/modelDesk.ts';
import { PlanDesk } from './desks/planDesk.ts';
import { RunDesk } from './desks/runDesk.ts';
import { SearchDesk } from './desks/searchDesk.ts';
import { TileDesk } from './desks/tileDesk.ts';
import { TextDesk } from './desks/textDesk.ts';
import { WarmUpDesk } from './desks/warmUpDesk.ts';
import { failureOf } from './door/failure.ts';
import { LabFailure, STOPPED } from './door/labError.ts';
import type {
  Answers,
  AskOptions,
  CommandOf,
  CommandType,
  Door,
  LabCommand,
  LabEvent,
  ProgressOf,
} from './door/protocol.ts';
import { RunControl } from './runControl.ts';
import { Workbench } from './workbench.ts';

/** The signal of who never stops what they asked for. */
const NEVER = new AbortController().signal;

/** A request as those who work on it see it. */
interface Request<T extends CommandType> {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ProgressOf<T>) => void;
}

type Handlers = {
  readonly [T in CommandType]: (command: CommandOf<T>, request: Request<T>) => Promise<Answers[T]>;
};

/**
 * One session: a corpus, two models, a run. Takes commands at any time, answers each, and tells everybody what is so. Commands
 * that change what runs wait for the step under way; pause takes effect after it. What looks at a run or takes it home is done
 * between two steps.
 */
export class Lab implements Door {
  readonly #models: ModelDesk;
  readonly #encoders: EncoderDesk;
  readonly #plans: PlanDesk;
  readonly #comparisons: ComparisonDesk;
  readonly #texts: TextDesk;
  readonly #runs: RunDesk;
  readonly #search = new SearchDesk();
  readonly #inspect = new InspectDesk();
  readonly #evaluation = new EvaluationDesk(() => this.#encoders.encoder());
  readonly #kernels = new KernelDesk();
  readonly #measurements: MeasurementDesk;
  readonly #warmUps: WarmUpDesk;
  readonly #tiles: TileDesk;
  readonly #run: RunControl;

  constructor(gpu: GPU | undefined, emit: (event: LabEvent) => void, surroundings: Surroundings = {}) {
    this.#models = new ModelDesk(emit, surroundings);
    this.#encoders = new EncoderDesk(emit, surroundings);
    this.#runs = new RunDesk(emit, surroundings);
    const atHand = {
      openModel: (name: string) => this.#models.open(name),
      collection: () => this.#evaluation.opened,
      teacher: () => this.#encoders.opened,
    };
    this.#comparisons = new ComparisonDesk(atHand, surroundings);
    const bench = new Workbench(gpu, emit, {
      openModel: atHand.openModel,
      tellTiles: (runtime) => this.#tiles.tell(runtime),
    });
    this.#texts = new TextDesk(this.#models);
    this.#measurements = new MeasurementDesk(gpu, this.#models);
    this.#plans = new PlanDesk(this.#models, bench);
    this.#warmUps = new WarmUpDesk(this.#plans, bench);
    this.#tiles = new TileDesk(this.#plans, bench, emit, surroundings);
    const desks = {
      encoders: this.#encoders,
      runs: this.#runs,
      search: this.#search,
      kernels: this.#kernels,
      evaluation: this.#evaluation,
    };
    this.#run = new RunControl(bench, desks, emit);
  }

  ask<C extends LabCommand>(command: C, options: AskOptions<C['type']> = {}): Promise<Answers[C['type']]> {
    const { signal = NEVER, onProgress = () => undefined } = options;
    if (signal.aborted) return Promise.reject(new LabFailure(STOPPED));
    // The handler of the command's own type; the compiler sees the union of all.
    const handle = this.#handlers[command.type] as unknown as (
      command: C,
      request: Request<C['type']>,
    ) => Promise<Answers[C['type']]>;
    return handle(command, { signal, onProgress });
  }

  readonly #handlers: Handlers = {
    configure: (command, { signal }) => this.#run.configure(command, signal),
    train: ({ steps = Infinity }, { signal }) => this.#run.train(steps, signal),
    step: (_command, { signal }) => this.#run.train(1, signal),
    pause: () => Promise.resolve(this.#run.pause()),
    reset: (_command, { signal }) => this.#run.reset(signal),

    listModels: (_command, { signal }) => this.#beside(() => this.#models.list(), signal),
    describeModel: (command, { signal }) => this.#beside(() => this.#models.describe(command, signal), signal),
    downloadModel: (command, request) => this.#beside(() => this.#models.download(command, request), request.signal),
    deleteModel: (command, { signal }) => this.#beside(() => this.#models.delete(command), signal),
    openFolder: (command, request) => this.#beside(() => this.#models.openFolder(command, request), request.signal),
    listEncoders: (_command, { signal }) => this.#beside(() => this.#encoders.list(), signal),
    describeEncoder: (command, { signal }) => this.#beside(() => this.#encoders.describe(command, signal), signal),
    openEncoder: (command, request) => this.#beside(() => this.#encoders.open(command, request), request.signal),
    closeEncoder: (_command, { signal }) => this.#beside(() => this.#encoders.close(), signal),
    deleteEncoder: (command, { signal }) => this.#beside(() => this.#encoders.delete(command), signal),
    plan: ({ configuration }, { signal }) => this.#beside(() => this.#plans.plan(configuration, signal), signal),

    readFiles: (command, request) => this.#beside(() => this.#texts.read(command, request), request.signal),
    previewText: (command, request) => this.#beside(() => this.#texts.preview(command, request), request.signal),

    exportAdapters: (_command, { signal }) => this.#run.between((run) => this.#runs.exportAdapters(run), signal),
    handOver: ({ steps }, request) =>
      this.#run.between((run) => this.#runs.handOver(run, steps, request), request.signal),
    importAdapters: ({ files }, { signal }) =>
      this.#run.between(async (run) => {
        const imported = await this.#runs.importAdapters(files, run);
        // The chunks were embedded by the adapters before these.
        this.#search.drop();
        return imported;
      }, signal),
    exportRun: (_command, { signal }) => this.#run.between((run) => this.#runs.exportRun(run), signal),
    saveRun: ({ ifWorthIt }, { signal }) =>
      ifWorthIt ? this.#run.secure(signal) : this.#run.between((run) => this.#runs.save(run), signal),
    listSavedRuns: (_command, { signal }) => this.#beside(() => this.#runs.list(), signal),
    exportSavedRun: ({ id }, { signal }) => this.#beside(() => this.#runs.exportSaved(id), signal),
    renameSavedRun: (command, { signal }) => this.#beside(() => this.#runs.rename(command), signal),
    deleteSavedRun: ({ id }, { signal }) => this.#beside(() => this.#runs.delete(id), signal),
    resumeRun: (command, { signal }) => this.#run.resume(command, signal),
    importRun: (command, { signal }) => this.#run.resume(command, signal),

    search: (command, request) =>
      this.#run.between((run) => this.#search.search(command, run, request), request.signal),
    exportEmbeddings: (command, request) =>
      this.#run.between((run) => this.#search.export(command, run, request), request.signal),
    inspectPair: (command, { signal }) => this.#run.between((run) => this.#inspect.pair(command, run), signal),
    attribute: (command, request) =>
      this.#run.between((run) => this.#inspect.attribute(command, run, request), request.signal),
    openCollection: (command, request) => this.#beside(() => this.#evaluation.open(command, request), request.signal),
    closeCollection: () => Promise.resolve(this.#evaluation.close()),
    trainingText: (command, { signal }) => this.#beside(() => this.#evaluation.trainingText(command), signal),
    evaluateSystem: (command, request) =>
      this.#beside(
        () => this.#evaluation.evaluate(command, request, (work) => this.#run.between(work, request.signal)),
        request.signal,
      ),
    importRankings: (command, request) =>
      this.#beside(() => this.#evaluation.importRankings(command, request), request.signal),
    forgetSystem: (command, { signal }) => this.#atOnce(() => this.#evaluation.forget(command), signal),
    evaluationTable: (command, { signal }) => this.#beside(() => this.#evaluation.table(command, signal), signal),
    evaluationQueries: (command, { signal }) => this.#atOnce(() => this.#evaluation.queries(command), signal),
    rankedLists: (command, { signal }) => this.#atOnce(() => this.#evaluation.lists(command), signal),
    exportEvaluation: (command, { signal }) => this.#atOnce(() => this.#evaluation.file(command), signal),
    planComparison: (command, { signal }) => this.#beside(() => this.#comparisons.plan(command, signal), signal),
    compare: (command, { signal, onProgress }) =>
      this.#run.apart((gpu, ends) => this.#comparisons.begin(command, gpu, { signal: ends, onProgress }), signal),
    resumeComparison: (command, { signal, onProgress }) =>
      this.#run.apart((gpu, ends) => this.#comparisons.goOn(command, gpu, { signal: ends, onProgress }), signal),
    comparisons: (_command, { signal }) => this.#beside(() => this.#comparisons.list(), signal),
    readComparison: (command, { signal }) => this.#beside(() => this.#comparisons.read(command), signal),
    deleteComparison: (command, { signal }) => this.#beside(() => this.#comparisons.delete(command), signal),
    exportComparison: (command, { signal }) => this.#beside(() => this.#comparisons.export(command), signal),

    warmUp: ({ configuration }, { signal }) =>
      this.#beside(() => this.#warmUps.compileAhead(configuration, signal), signal),
    tuneTiles: (command, { signal }) =>
      this.#beside(() => this.#tiles.tune(command, (work, ends) => this.#run.whenIdle(work, ends), signal), signal),
    listTiles: (_command, { signal }) => this.#beside(() => this.#tiles.view(), signal),
    chooseTiles: (command, { signal }) => this.#beside(() => this.#tiles.choose(command), signal),
    profileStep: (_command, { signal }) => this.#beside(() => this.#kernels.nextStep(signal), signal),
    kernelSource: ({ name }, { signal }) => this.#atOnce(() => this.#kernels.source(name), signal),
    measureDevice: (command, request) =>
      this.#beside(() => this.#measurements.device(command, request), request.signal),
    measurePrecision: (command, request) =>
      this.#beside(() => this.#measurements.precision(command, request), request.signal),
    measureScaling: (command, request) =>
      this.#beside(() => this.#measurements.scaling(command, request), request.signal),
  };

  /** Ends the session and gives back all GPU memory. */
  async close(): Promise<void> {
    this.#kernels.close();
    await this.#encoders.close();
    await this.#run.close();
  }

  /** The same for what waits for nothing. */
  #atOnce<T>(work: () => T, signal: AbortSignal): Promise<T> {
    return this.#beside(() => Promise.resolve().then(work), signal);
  }

  /** Work that concerns no run, beside whatever else goes on. */
  async #beside<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw failureOf(cause, signal);
    }
  }
}
