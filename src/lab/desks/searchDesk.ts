import { CorpusError } from '../../corpus/errors.ts';
import { embeddingsTsv, writeNpy } from '../../files/formats/embeddingFiles.ts';
import type { Experiment } from '../../run/assemble.ts';
import type { OpenRun } from '../../run/openRun.ts';
import type { LabEvent, SearchCommand } from '../door/protocol.ts';
import { CorpusIndex } from './search.ts';

/** Searches the corpus of the run that is open; keeps the chunks' embeddings until the retriever has moved on. */
export class SearchDesk {
  #index: CorpusIndex | undefined;
  #of: Experiment | undefined;
  #working: AbortController | undefined;

  constructor(private readonly emit: (event: LabEvent) => void) {}

  stop(): void {
    this.#working?.abort();
  }

  async handle(command: Exclude<SearchCommand, { type: 'stopSearch' }>, run: OpenRun): Promise<void> {
    const control = new AbortController();
    this.#working = control;
    try {
      const index = await this.#ready(run, control.signal);
      if (command.type === 'search')
        this.emit({ type: 'found', result: await index.search(command.query, command.limit, control.signal) });
      else this.#export(index, run, command.format);
    } catch (cause) {
      if (!(cause instanceof CorpusError && cause.code === 'aborted')) throw cause;
      this.emit({ type: 'embedding', fraction: 1 });
    } finally {
      this.#working = undefined;
    }
  }

  /** The models are about to go. */
  drop(): void {
    this.#index?.destroy();
    this.forget();
  }

  /** The GPU is gone, and with it all that was on it. */
  forget(): void {
    this.#index = undefined;
    this.#of = undefined;
  }

  async #ready({ runtime, prepared, experiment }: OpenRun, signal: AbortSignal): Promise<CorpusIndex> {
    if (this.#of !== experiment) {
      this.drop();
      this.#index = new CorpusIndex(runtime, experiment.models, prepared.corpus, prepared.recipe.configuration);
      this.#of = experiment;
    }
    const { step } = experiment.optimiser;
    const index = this.#index;
    if (!index) throw new Error('There is no index: this is a bug.');
    if (index.isStale(step)) {
      await index.build(step, {
        signal,
        onProgress: (_detail, fraction) => this.emit({ type: 'embedding', fraction }),
      });
      this.emit({ type: 'embedding', fraction: 1 });
    }
    return index;
  }

  #export(index: CorpusIndex, { prepared }: OpenRun, format: 'npy' | 'tsv'): void {
    const built = index.embeddings?.after;
    if (!built) throw new Error('The index is not built: this is a bug.');
    const { vectors, dimensions } = built;
    const { chunks } = prepared.corpus;
    const name = `embeddings-step-${index.step ?? 0}.${format}`;
    const bytes =
      format === 'npy'
        ? writeNpy(vectors, [chunks.length, dimensions])
        : new TextEncoder().encode(
            [
              ...embeddingsTsv(
                chunks.map(({ text }) => text),
                vectors,
              ),
            ].join(''),
          );
    this.emit({ type: 'file', name, bytes });
  }
}
