import type { ObjectiveTable } from '../../../objectives/tables.ts';
import type { Picture } from '../../../run/record.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import { isSame, ownReading, pictureWith, softmaxOf, type Instead, type Reading } from './instead.ts';

/** The run that is looked at through it. */
interface Seen {
  readonly table: ObjectiveTable;
  readonly configuration: Configuration;
}

/**
 * What A is put in the place of the run's own while one looks: another temperature, or a control. It stays when the step or the run
 * changes, and changes nothing in either.
 */
export class Lens {
  private chosen = $state.raw<Instead>();

  /** Shares that can be made anew; undefined where the objective has none such. */
  readonly share = $derived.by(() => softmaxOf(this.seen().table));
  /** How the run makes its own. */
  readonly own: Reading | undefined = $derived.by(
    () => this.share && ownReading(this.share, this.seen().configuration),
  );
  /** What stands in their place; undefined where that is what the run does anyway. */
  readonly instead: Instead | undefined = $derived.by(() => {
    const { chosen } = this;
    if (!chosen || !this.own || isSame(chosen, this.own)) return undefined;
    return this.share?.softmax.control === undefined && chosen.by !== 'learned' ? undefined : chosen;
  });

  /** What was made last: pictures do not change, and a strip of them is looked at again and again. */
  private made: { readonly instead: Instead; readonly of: WeakMap<Picture, Picture> } | undefined;

  constructor(private readonly seen: () => Seen) {}

  put(instead: Instead | undefined): void {
    this.chosen = instead;
  }

  leave(): void {
    this.put(undefined);
  }

  /** A picture as it is seen: itself where nothing is put in the place of its shares. */
  through(picture: Picture): Picture {
    const { instead } = this;
    if (!instead) return picture;
    if (this.made?.instead !== instead) this.made = { instead, of: new WeakMap() };
    const { of } = this.made;
    const known = of.get(picture);
    if (known) return known;
    const other = pictureWith(picture, this.seen().table, instead);
    of.set(picture, other);
    return other;
  }

  /** As it now is, whatever is put there while a film is made; undefined where nothing is. */
  held(): Pick<Lens, 'through'> | undefined {
    const { instead } = this;
    const { table } = this.seen();
    return instead && { through: (picture) => pictureWith(picture, table, instead) };
  }
}
