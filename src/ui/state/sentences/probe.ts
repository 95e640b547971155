import { metricOf } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import type { RowReading } from '../display.ts';
import { countFound, readsAllAlike, strongestPair } from './rows.ts';
import type { Seen } from './words.ts';

/** So many times what chance gives is said to be more. */
const MORE = 1.5;
/** Nats per token below which reading makes no difference. */
const SAVING = 0.02;

/** Where the attention of the batch that stays the same goes, and what reading saves there, all of the step looked at. */
export function describeProbe({ configuration, picture, isMoving }: Seen, rows: readonly RowReading[]): string {
  const of = (metric: string): number => metricOf(picture.metrics, metric);
  const saves = savingWords(of('isolatedLoss') - of('ntpLoss'));
  // Named while one can read it.
  const strongest = isMoving ? '' : `${strongestPair(rows, configuration.source)} `;
  const wording = { share: of('wordingShare'), chance: of('wordingShareByChance') };
  const partner = { share: of('partnerShare'), chance: of('partnerShareByChance') };
  const shares = `partners get ${beside(partner)} of the attention`;
  if (readsAllAlike(picture)) {
    const alike = `Each chunk reads all others about alike (${decimal(of('effectiveDocuments'))} of ${rows.length - 1})`;
    return Number.isNaN(partner.share) ? `${alike}; ${saves}.` : `${alike}: ${shares}; ${saves}.`;
  }
  if (wording.share >= MORE * wording.chance && wording.share > partner.share) {
    return `${strongest}Chunks told in the same wording get ${beside(wording)} of the attention, partners ${beside(partner)}; ${saves}.`;
  }
  const count = countFound(rows);
  if (Number.isNaN(partner.share))
    return `${strongest}${count === '' ? '' : `${count}; `}${sentence(saves, count !== '')}.`;
  return `${strongest}${isMoving && count !== '' ? `${count}; ${shares}` : sentence(shares, false)}; ${saves}.`;
}

function beside({ share, chance }: { readonly share: number; readonly chance: number }): string {
  const said = decimal(Math.round(100 * share) / 100);
  return Number.isNaN(chance) ? said : `${said} (by chance ${decimal(chance)})`;
}

/** What reading together does to the loss. */
function savingWords(gain: number): string {
  if (Number.isNaN(gain)) return 'what reading saves was not measured';
  if (gain >= SAVING) return `reading saves ${decimal(gain)} nats per token`;
  return gain <= -SAVING ? `reading costs ${decimal(-gain)} nats per token` : 'reading saves nothing yet';
}

function sentence(words: string, goesOn: boolean): string {
  return goesOn ? words : `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
