import type { KernelRow, KernelsView, LabCommand, LabEvent } from '../../../lab/door/protocol.ts';
import type { Session } from '../../state/session.svelte.ts';
import { sorted, summed, type SortKey } from './rows.ts';

/** Time between two watched steps while training goes on. */
const EVERY_MS = 2000;

/** Commands whose failure leaves no step to watch; training's own failures name none. */
const NEEDED: readonly (LabCommand['type'] | undefined)[] = ['profileStep', 'configure', 'train', 'step', undefined];

const kept = new WeakMap<Session, Kernels>();

/** The kernels of a session: what was watched stays when the panel is closed. */
export function kernelsOf(session: Session): Kernels {
  const found = kept.get(session) ?? new Kernels(session);
  kept.set(session, found);
  return found;
}

/** What a step is made of, as the lab told last, and the source that is read. */
export class Kernels {
  view = $state.raw<KernelsView>();
  /** Asked for, and not told yet. */
  waiting = $state(false);
  chosen = $state<string>();
  sortBy = $state<SortKey>('ms');

  private sources = $state.raw<Readonly<Record<string, string>>>({});
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly rows: readonly KernelRow[] = $derived.by(() => sorted(this.view?.rows ?? [], this.sortBy));
  readonly totals = $derived.by(() => summed(this.view?.rows ?? []));
  readonly source: string | undefined = $derived.by(() => this.chosen && this.sources[this.chosen]);

  constructor(private readonly session: Session) {
    session.listen((event) => this.hear(event));
  }

  /** Watches the next step; makes one if nothing is running. */
  watch(): void {
    this.ask();
    if (!this.session.isBusy) this.session.singleStep();
  }

  /** Watches a step now and again while training goes on. Returns how to stop that. */
  follow(): () => void {
    const ask = (): void => {
      if (this.session.state === 'running' && !this.waiting) this.ask();
      this.timer = setTimeout(ask, EVERY_MS);
    };
    ask();
    return () => clearTimeout(this.timer);
  }

  choose(kernel: string): void {
    this.chosen = kernel;
    if (this.sources[kernel] === undefined) this.session.send({ type: 'kernelSource', name: kernel });
  }

  private ask(): void {
    this.waiting = true;
    this.session.send({ type: 'profileStep' });
  }

  private hear(event: LabEvent): void {
    if (event.type === 'kernels') {
      this.view = event.kernels;
      this.waiting = false;
    } else if (event.type === 'kernelSource') this.sources = { ...this.sources, [event.name]: event.code };
    else if (event.type === 'error' && NEEDED.includes(event.error.command)) this.waiting = false;
  }
}
