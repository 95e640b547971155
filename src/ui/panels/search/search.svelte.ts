import type { LabEvent } from '../../../lab/door/protocol.ts';
import type { SearchResult } from '../../../lab/door/views.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import type { TakeHome } from '../takeHome/takeHome.svelte.ts';

/** Chunks of each ranking that are shown. */
const SHOWN = 10;

/** A search in the corpus: what was asked, how far embedding is, what was found. */
export class Search {
  query = $state('');
  result = $state.raw<SearchResult>();
  /** Whether the last search was stopped before it found anything. */
  wasStopped = $state(false);
  /** The chunk looked at, in every ranking. */
  chosen = $state<number>();
  readonly requests: Requests;
  readonly isBusy = $derived.by(() => this.requests.isWaiting('search'));
  /** Share of the chunks that are embedded; undefined while nothing is being embedded. */
  readonly embedded = $derived.by(() => (this.isBusy ? this.requests.progressOf('search') : undefined));
  /** Adapters had been put under the run so many times when that was found. */
  private imports = $state(0);
  /** Whether what was found is of a retriever before adapters were put under it. */
  readonly isBeforeImport = $derived.by(() => this.result !== undefined && this.takeHome.imports > this.imports);
  /** Whether what was found is of a retriever that has learnt since, or has other adapters. */
  readonly isStale = $derived.by(
    () => this.isBeforeImport || (this.result !== undefined && this.session.step !== this.result.step),
  );

  constructor(
    private readonly session: Session,
    private readonly takeHome: Pick<TakeHome, 'imports'>,
  ) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /**
   * Searches for what is typed, in what is chosen; the chunks are embedded first when the retriever has learnt since. A search
   * that is still under way is given up.
   */
  async ask(query = this.query): Promise<void> {
    this.query = query;
    if (query.trim() === '') return;
    this.wasStopped = false;
    const command = { type: 'search', query: query.trim(), limit: SHOWN } as const;
    const result = await this.requests.askAnew(command, { before: () => this.session.settle() });
    if (!result) return;
    this.result = result;
    this.imports = this.takeHome.imports;
    this.chosen = undefined;
  }

  stop(): void {
    this.requests.drop('search');
    this.wasStopped = true;
  }

  /** Asks for the embeddings of all chunks as a file; it goes to the browser's downloads. */
  async exportEmbeddings(format: 'npy' | 'tsv'): Promise<void> {
    const file = await this.requests.ask({ type: 'exportEmbeddings', format });
    if (file) downloadFile(file.name, file.bytes);
  }

  choose(chunk: number): void {
    this.chosen = this.chosen === chunk ? undefined : chunk;
  }

  private hear(event: LabEvent): void {
    if (event.type !== 'corpus') return;
    // Another text has other chunks.
    this.result = undefined;
    this.chosen = undefined;
  }
}
