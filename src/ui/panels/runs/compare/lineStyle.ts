/** How a run's line is told from the others: by its number, its dashes and one of two colours. */
export interface LineStyle {
  readonly tone: 'accent' | 'strong';
  readonly dashes: string;
}

const DASHES = ['', '7 3', '2 3'] as const;

/** Six styles; the first two are solid. */
export function lineStyle(place: number): LineStyle {
  return { tone: place % 2 === 0 ? 'accent' : 'strong', dashes: DASHES[Math.floor(place / 2) % DASHES.length] ?? '' };
}
