import type { KernelRow, KernelsView } from '../../../lab/door/views.ts';
import { ofSession } from '../../state/ofSession.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { sorted, summed, type SortKey } from './rows.ts';

/** Time between two watched steps while training goes on. */
const EVERY_MS = 2000;

export const kernelsOf = ofSession((session) => new Kernels(session));

/** What a step is made of, as the lab told last, and the source that is read. */
export class Kernels {
  view = $state.raw<KernelsView>();
  chosen = $state<string>();
  sortBy = $state<SortKey>('ms');

  private sources = $state.raw<Readonly<Record<string, string>>>({});
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly rows: readonly KernelRow[] = $derived.by(() => sorted(this.view?.rows ?? [], this.sortBy));
  readonly totals = $derived.by(() => summed(this.view?.rows ?? []));
  readonly source: string | undefined = $derived.by(() => this.chosen && this.sources[this.chosen]);

  private readonly requests: Requests;
  /** Whether the next step is to be watched. */
  readonly waiting = $derived.by(() => this.requests.isWaiting('profileStep'));

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
  }

  /** Watches the next step; makes one if nothing is running. */
  async watch(): Promise<void> {
    void this.ask();
    if (this.session.isBusy) return;
    await this.session.singleStep();
    // Where no step was made, there is none to be waited for.
    this.requests.drop('profileStep');
  }

  /** Watches a step now and again while training goes on. Returns how to stop that. */
  follow(): () => void {
    const ask = (): void => {
      if (this.session.state === 'running' && !this.waiting) void this.ask();
      this.timer = setTimeout(ask, EVERY_MS);
    };
    ask();
    return () => clearTimeout(this.timer);
  }

  async choose(kernel: string): Promise<void> {
    this.chosen = kernel;
    if (this.sources[kernel] !== undefined) return;
    const source = await this.requests.ask({ type: 'kernelSource', name: kernel });
    if (source) this.sources = { ...this.sources, [kernel]: source.code };
  }

  private async ask(): Promise<void> {
    const view = await this.requests.askAnew({ type: 'profileStep' });
    if (view) this.view = view;
  }
}
