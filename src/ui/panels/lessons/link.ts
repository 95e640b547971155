/** A place in the lessons. */
export interface Place {
  readonly lesson: string;
  /** From 1, as links and readers count. */
  readonly step: number;
}

/** The place that an address's fragment names (`lesson=3.2`, or `lesson=3` for its beginning); undefined for anything else. */
export function readPlace(fragment: string): Place | undefined {
  const match = /^lesson=(\d{1,2})(?:\.(\d{1,2}))?$/.exec(fragment);
  const [, lesson, step = '1'] = match ?? [];
  return lesson === undefined ? undefined : { lesson: String(Number(lesson)), step: Math.max(1, Number(step)) };
}

export function placeFragment({ lesson, step }: Place): string {
  return `lesson=${lesson}.${step}`;
}
