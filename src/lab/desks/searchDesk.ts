import { embeddingsTsv, writeNpy } from '../../files/formats/embeddingFiles.ts';
import type { Experiment } from '../../run/assemble.ts';
import type { OpenRun } from '../../run/openRun.ts';
import type { CommandOf } from '../door/protocol.ts';
import type { LabFile, SearchResult } from '../door/views.ts';
import { CorpusIndex } from './search.ts';

/** Who asks, as far as embedding concerns them: it tells the share of chunks that are embedded. */
interface Embedding {
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number) => void;
}

/** Searches the corpus of the run that is open; keeps the chunks' embeddings until the retriever has moved on. */
export class SearchDesk {
  #index: CorpusIndex | undefined;
  #of: Experiment | undefined;

  async search({ query, limit }: CommandOf<'search'>, run: OpenRun, request: Embedding): Promise<SearchResult> {
    const index = await this.#ready(run, request);
    return index.search(query, limit, request.signal);
  }

  async export({ format }: CommandOf<'exportEmbeddings'>, run: OpenRun, request: Embedding): Promise<LabFile> {
    const index = await this.#ready(run, request);
    const built = index.embeddings?.after;
    if (!built) throw new Error('The index is not built: this is a bug.');
    const { vectors, dimensions } = built;
    const { chunks } = run.prepared.corpus;
    const texts = chunks.map(({ text }) => text);
    const bytes =
      format === 'npy'
        ? writeNpy(vectors, [chunks.length, dimensions])
        : new TextEncoder().encode([...embeddingsTsv(texts, vectors)].join(''));
    return { name: `embeddings-step-${index.step ?? 0}.${format}`, bytes };
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

  async #ready({ runtime, prepared, experiment }: OpenRun, { signal, onProgress }: Embedding): Promise<CorpusIndex> {
    if (this.#of !== experiment) {
      this.drop();
      this.#index = new CorpusIndex(runtime, experiment.models, prepared.corpus, prepared.recipe.configuration);
      this.#of = experiment;
    }
    const { step } = experiment.optimiser;
    const index = this.#index;
    if (!index) throw new Error('There is no index: this is a bug.');
    if (index.isStale(step))
      await index.build(step, { signal, onProgress: (_detail, fraction) => onProgress(fraction) });
    return index;
  }
}
