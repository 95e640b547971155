import { describeChange, largestChanges, shareOf, type Change } from '../../state/history/changes.ts';
import type { Session } from '../../state/session.svelte.ts';
import type { View } from '../../state/view.svelte.ts';
import { insteadWords } from '../../state/whatIf/instead.ts';
import { capitalised } from '../../components/format.ts';

/** Drawings between two searches while steps pour in: about two seconds. */
const EVERY = 20;

/** The steps of the run shown at which A, as it is seen, changed most, and the way from one to the next. */
export class Jumps {
  private readonly turn = $derived.by(() =>
    this.session.state === 'running' ? Math.floor(this.session.revision / EVERY) : this.session.revision,
  );
  /** All that there are of what is looked at, as they are seen. */
  private readonly pictures = $derived.by(() => {
    const { lens, subject } = this.view;
    return this.turn >= 0 ? this.session.history.picturesOf(subject).map((one) => lens.through(one)) : [];
  });
  readonly changes: readonly Change[] = $derived.by(() =>
    this.turn >= 0 && this.session.kind !== 'none' ? largestChanges(this.pictures, this.session.history.table) : [],
  );
  readonly next: Change | undefined = $derived.by(() => this.changes.find(({ to }) => to.step > this.view.step));
  readonly previous: Change | undefined = $derived.by(() =>
    this.changes.findLast(({ to }) => to.step < this.view.step),
  );
  /** What changed at the step looked at, or where to look. */
  readonly text: string = $derived.by(() => {
    const here = this.changes.find(({ to }) => to.step === this.view.step);
    const { table } = this.session.history;
    const { instead } = this.view.lens;
    const seen = instead ? `${capitalised(insteadWords(instead))}: ` : '';
    if (here) return seen + describeChange(here, table);
    if (this.changes.length === 0) return '';
    const steps = this.changes.map(({ to }) => to.step).join(', ');
    return `${seen}${shareOf(table)?.symbol ?? ''} ${instead ? 'changes' : 'changed'} most around ${steps}.`;
  });

  constructor(
    private readonly session: Session,
    private readonly view: View,
  ) {}

  go(change: Change | undefined): void {
    if (change) this.view.travel(change.to.step);
  }
}
