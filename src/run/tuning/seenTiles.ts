import type { GemmTile } from '../../ops/core/gemmTiles.ts';
import type { MeasuredProduct, ProductShape } from '../../ops/core/tileChoice.ts';
import { LEFT_BEHIND } from './fastest.ts';
import { flopsOf } from './products.ts';

/** A tile that was left behind on so many products is not looked at on others like them. */
const ENOUGH = 2;

/** What the products that were measured before say of the next: where to begin, and what not to try. */
export class SeenTiles {
  /** By the tile that the rule takes (products of one such kind are alike in size), then by tile: how often looked at, and left behind. */
  readonly #seen = new Map<string, Map<string, { looks: number; behind: number }>>();
  /** FLOP a millisecond of the tile by rule, on the last product. */
  #rate = 0;

  constructor(before: readonly MeasuredProduct[] = []) {
    for (const product of before) this.add(product);
  }

  add(product: MeasuredProduct): void {
    const { byRule, times } = product;
    const limit = LEFT_BEHIND * Math.min(...Object.values(times));
    const ofKind = this.#seen.get(byRule) ?? new Map<string, { looks: number; behind: number }>();
    this.#seen.set(byRule, ofKind);
    for (const [name, ms] of Object.entries(times)) {
      const { looks, behind } = ofKind.get(name) ?? { looks: 0, behind: 0 };
      ofKind.set(name, { looks: looks + 1, behind: behind + (ms > limit ? 1 : 0) });
    }
    const own = times[byRule];
    if (own !== undefined) this.#rate = flopsOf(product) / own;
  }

  /** False for a tile that was left behind whenever the rule took `byRule`, and often enough. */
  isWorthALook({ name }: GemmTile, { name: byRule }: GemmTile): boolean {
    const { looks, behind } = this.#seen.get(byRule)?.get(name) ?? { looks: 0, behind: 0 };
    return looks < ENOUGH || behind < looks;
  }

  /** Launches of a product that should take about `ms` with the tile by rule; 1 before the first. */
  launches(product: ProductShape, ms: number): number {
    return Math.max(1, Math.floor((ms * this.#rate) / flopsOf(product)));
  }
}
