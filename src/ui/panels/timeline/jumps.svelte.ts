import { describeChange, largestChanges, shareOf, type Change } from '../../state/history/changes.ts';
import type { Session } from '../../state/session.svelte.ts';
import type { View } from '../../state/view.svelte.ts';

/** Drawings between two searches while steps pour in: about two seconds. */
const EVERY = 20;

/** The steps of the run shown at which A changed most, and the way from one to the next. */
export class Jumps {
  private readonly turn = $derived.by(() =>
    this.session.state === 'running' ? Math.floor(this.session.revision / EVERY) : this.session.revision,
  );
  readonly changes: readonly Change[] = $derived.by(() =>
    this.turn >= 0 && this.session.kind !== 'none'
      ? largestChanges(this.session.history.picturesOf(this.view.subject), this.session.history.table)
      : [],
  );
  readonly next: Change | undefined = $derived.by(() => this.changes.find(({ to }) => to.step > this.view.step));
  readonly previous: Change | undefined = $derived.by(() =>
    this.changes.findLast(({ to }) => to.step < this.view.step),
  );
  /** What changed at the step looked at, or where to look. */
  readonly text: string = $derived.by(() => {
    const here = this.changes.find(({ to }) => to.step === this.view.step);
    const { table } = this.session.history;
    if (here) return describeChange(here, table);
    if (this.changes.length === 0) return '';
    return `${shareOf(table)?.symbol ?? ''} changed most around ${this.changes.map(({ to }) => to.step).join(', ')}.`;
  });

  constructor(
    private readonly session: Session,
    private readonly view: View,
  ) {}

  go(change: Change | undefined): void {
    if (change) this.view.travel(change.to.step);
  }
}
