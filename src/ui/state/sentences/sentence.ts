import { describePlainly } from './plain.ts';
import { describeReading } from './revela.ts';
import type { Seen, Sentence } from './words.ts';

/** By the ids of objectives. */
const OWN: Readonly<Record<string, (seen: Seen) => Sentence>> = { revela: describeReading };

/** What the picture of a step shows, in plain words made from the numbers; objectives without words of their own are told by their table. */
export function describe(seen: Seen): Sentence {
  return (OWN[seen.moment.history.table.id] ?? describePlainly)(seen);
}
