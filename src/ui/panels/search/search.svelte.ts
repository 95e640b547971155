import type { LabEvent, SearchResult } from '../../../lab/door/protocol.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';

/** Chunks of each ranking that are shown. */
const SHOWN = 10;

/** A search in the corpus: what was asked, how far embedding is, what was found. */
export class Search {
  query = $state('');
  result = $state.raw<SearchResult>();
  /** Share of the chunks that are embedded; undefined while nothing is being embedded. */
  embedded = $state<number>();
  /** Whether the last search was stopped before it found anything. */
  wasStopped = $state(false);
  /** The chunk looked at, in every ranking. */
  chosen = $state<number>();
  readonly requests = new Requests();
  readonly isBusy = $derived(this.requests.isWaiting('search'));
  /** Whether what was found is of a retriever that has learnt since. */
  readonly isStale = $derived.by(() => this.result !== undefined && this.session.step !== this.result.step);

  constructor(private readonly session: Session) {
    session.listen((event) => this.hear(event));
  }

  /** Searches for what is typed; the chunks are embedded first when the retriever has learnt since. */
  ask(query = this.query): void {
    this.query = query;
    if (query.trim() === '' || this.isBusy) return;
    this.wasStopped = false;
    this.embedded = undefined;
    this.requests.begin('search');
    this.session.settle();
    this.session.send({ type: 'search', query: query.trim(), limit: SHOWN });
  }

  stop(): void {
    this.session.send({ type: 'stopSearch' });
    this.requests.end('search');
    this.embedded = undefined;
    this.wasStopped = true;
  }

  /** Asks for the embeddings of all chunks as a file; it goes to the browser's downloads. */
  exportEmbeddings(format: 'npy' | 'tsv'): void {
    this.requests.begin('exportEmbeddings');
    this.session.send({ type: 'exportEmbeddings', format });
  }

  choose(chunk: number): void {
    this.chosen = this.chosen === chunk ? undefined : chunk;
  }

  private hear(event: LabEvent): void {
    this.requests.hear(event);
    switch (event.type) {
      case 'embedding':
        if (this.isBusy) this.embedded = event.fraction;
        break;
      case 'found':
        if (!this.isBusy) break;
        this.result = event.result;
        this.chosen = undefined;
        this.embedded = undefined;
        this.requests.end('search');
        break;
      case 'file':
        this.requests.end('exportEmbeddings');
        break;
      case 'error':
        if (!this.isBusy) this.embedded = undefined;
        break;
      case 'corpus':
        // Another text has other chunks.
        this.result = undefined;
        this.chosen = undefined;
        break;
      default:
        break;
    }
  }
}
