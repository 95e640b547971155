import { matrixOf } from '../../../run/record.ts';
import { effectsOf, type Effects } from '../whatIf/effects.ts';
import { insteadOf, ownReading, softmaxOf } from '../whatIf/instead.ts';
import { describePlainly } from './plain.ts';
import { describeReading } from './revela.ts';
import { describeInstead } from './whatIf.ts';
import type { Seen, Sentence } from './words.ts';

/** By the ids of objectives. */
const OWN: Readonly<Record<string, (seen: Seen) => Sentence>> = { revela: describeReading };

/** What the picture of a step shows, in plain words made from the numbers; objectives without words of their own are told by their table. */
export function describe(seen: Seen): Sentence {
  return whatIf(seen) ?? (OWN[seen.moment.history.table.id] ?? describePlainly)(seen);
}

/** What a picture shows that has other shares than the run's own; undefined of all others. */
function whatIf({ moment, picture, configuration }: Seen): Sentence | undefined {
  const instead = insteadOf(picture);
  const { table } = moment.history;
  const share = softmaxOf(table);
  if (!instead || !share || !moment.picture) return undefined;
  const own = ownReading(share, configuration);
  const effects = (of: typeof picture, reading: typeof own): Effects =>
    effectsOf(matrixOf(of, share.key), of.batch, reading, table.pairs);
  const both = { run: effects(moment.picture, own), other: effects(picture, instead) };
  return { text: describeInstead(instead, both, table.pairs), stuck: false };
}
