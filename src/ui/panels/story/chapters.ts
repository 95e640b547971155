import { scoreOf, type Evaluation, type ProbeMetrics } from '../../../run/record.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import { decimal } from '../../components/format.ts';

/** What a run is told from: its probe, its scores, and how it was made. */
export interface Told {
  /** Numbers of the probe, in the order of steps. */
  readonly probe: readonly ProbeMetrics[];
  /** In the order of steps. */
  readonly evaluations: readonly Evaluation[];
  /** Chunks of the probe that have a partner in it. */
  readonly partnered: number;
  readonly configuration: Pick<Configuration, 'source' | 'initialisation'>;
}

/** A moment of a run, and what is to be seen there. All numbers in its words are the run's own. */
export interface Chapter {
  readonly id: 'untrained' | 'wording' | 'partner' | 'copying' | 'limits';
  readonly title: string;
  /** Updates after which the probe looks like this. */
  readonly step: number;
  /** What is seen, in one sentence. */
  readonly sentence: string;
  /** What belongs to it; may be empty. */
  readonly more: string;
  /** Pairs that it speaks of, to be framed. */
  readonly frames: Frames;
  /** The metric whose curve belongs to it. */
  readonly curve: 'partnerShare' | 'ntpLoss';
}

export interface Frames {
  readonly document: boolean;
  readonly wording: boolean;
}

/** What was seen between two moments. */
type Way = readonly ProbeMetrics[];

/** More than this many times what chance gives is not chance. */
const TWICE = 2;
/** Attention on partners from which they count as found. */
const FOUND = 0.8;
/** Below this share of the run's last gain, a gain is next to nothing. */
const NEXT_TO_NOTHING = 0.1;
/** Gain at the end of a run, nats per token, from which the language model counts as having learnt to copy. */
const LEARNT = 0.1;

/**
 * The chapters of a run, each at a moment that its own numbers choose. What a run does not show has no chapter: a run without any
 * untrained probe, or none that finds the partners, has no story.
 */
export function chaptersOf(told: Told): Chapter[] {
  const { probe } = told;
  const [first] = probe;
  const last = probe.at(-1);
  const found = foundAt(probe);
  if (!first || !last || first.step !== 0 || !found) return [];
  const before = probe.slice(0, probe.indexOf(found));
  const wording = wordingAt(before, first);
  const after = probe.slice(probe.indexOf(found) + 1);
  const copying = copyingAt(after);
  return [
    untrained(first, told.partnered),
    ...(wording ? [byWording(wording)] : []),
    byPartner(found, last, wording, [...before.slice(wording ? before.indexOf(wording) : 0), found]),
    ...(copying ? [byCopying(copying, found, after.slice(0, after.indexOf(copying)))] : []),
    limits(last, told),
  ];
}

/**
 * The step at which most attention goes to the same wording, where training brought it there, and it is over twice what chance gives
 * and over the partner's.
 */
function wordingAt(before: readonly ProbeMetrics[], untrained: ProbeMetrics): ProbeMetrics | undefined {
  const highest = before.reduce<ProbeMetrics | undefined>(
    (best, one) => (of(one, 'wordingShare') > (best ? of(best, 'wordingShare') : -1) ? one : best),
    undefined,
  );
  return highest && highest !== untrained && isGrouped(highest) ? highest : undefined;
}

function isGrouped(at: ProbeMetrics): boolean {
  const share = of(at, 'wordingShare');
  return share > TWICE * of(at, 'wordingShareByChance') && share > of(at, 'partnerShare');
}

/** The first step at which partners have most of the attention, if they keep more than half of it from then on. */
function foundAt(probe: readonly ProbeMetrics[]): ProbeMetrics | undefined {
  const lost = probe.findLastIndex((one) => !(of(one, 'partnerShare') > 0.5));
  return probe.slice(lost + 1).find((one) => of(one, 'partnerShare') >= FOUND);
}

/** The first step from which reading saves at least half of what it saves at the end. */
function copyingAt(after: readonly ProbeMetrics[]): ProbeMetrics | undefined {
  const last = after.at(-1);
  if (!last || !(gainOf(last) >= LEARNT)) return undefined;
  const short = after.findLastIndex((one) => !(gainOf(one) >= gainOf(last) / 2));
  return after[short + 1];
}

function untrained(at: ProbeMetrics, partnered: number): Chapter {
  const [recall, chance] = [of(at, 'recallAt1'), of(at, 'chance')];
  const isBlank = recall <= TWICE * chance;
  const opening = isBlank ? 'Untrained, the retriever does not know who belongs together' : 'Nothing is trained yet';
  const hasWording = Number.isFinite(of(at, 'wordingShare'));
  return {
    id: 'untrained',
    title: isBlank ? 'Knows nothing yet' : 'The beginning',
    step: at.step,
    sentence: `${opening}: ${plainCount(recall * partnered)} of ${partnered} chunks ${recall * partnered === 1 ? 'finds its' : 'find their'} partner first, ${plainCount(chance * partnered)} would by chance.`,
    more: hasWording ? leaning(at) : '',
    frames: { document: true, wording: hasWording },
    curve: 'partnerShare',
  };
}

/** What wording is to the retriever before it is trained. */
function leaning(at: ProbeMetrics): string {
  const holds = `same sentence about somebody else holds ${share(at, 'wordingShare')} of the attention, ${share(at, 'wordingShareByChance')} by chance.`;
  return isGrouped(at) ? `It goes by wording: the ${holds}` : `The ${holds}`;
}

function byWording(at: ProbeMetrics): Chapter {
  return {
    id: 'wording',
    title: 'Groups by wording',
    step: at.step,
    sentence: `First it learns how things are said: ${share(at, 'wordingShare')} of the attention goes to the same sentence about somebody else, ${share(at, 'partnerShare')} to the partner.`,
    more: byChance(share(at, 'wordingShareByChance'), share(at, 'partnerShareByChance')),
    frames: { document: true, wording: true },
    curve: 'partnerShare',
  };
}

function byChance(wording: string, partner: string): string {
  return `By chance it would be ${wording === partner ? `${partner} each` : `${wording} and ${partner}`}.`;
}

function byPartner(at: ProbeMetrics, last: ProbeMetrics, wording: ProbeMetrics | undefined, way: Way): Chapter {
  const isUnlearnt = wording !== undefined && of(at, 'wordingShare') < of(at, 'wordingShareByChance');
  const before = isUnlearnt ? 'It unlearns the wording and finds the partner' : 'It finds the partner';
  return {
    id: 'partner',
    title: 'Finds the partner',
    step: at.step,
    sentence: `${before}: ${share(at, 'partnerShare')} of the attention; ${yet(gainOf(at), gainOf(last))}.`,
    more: teaching(way),
    frames: { document: true, wording: wording !== undefined },
    curve: 'partnerShare',
  };
}

/** What the retriever has learnt from, where at each look on its way a partner was worth more than another chunk. */
function teaching(way: Way): string {
  const contrasts = way.map((one) => of(one, 'contrast'));
  const [least, most] = [Math.min(...contrasts), Math.max(...contrasts)];
  if (!(least > 0)) return '';
  return `What teaches it is a difference: on the way here a unit of attention on the partner saved ${decimal(least)} to ${decimal(most)} nats a token more than one on another chunk.`;
}

/** What reading is worth when the partner is found, beside what it will be worth. */
function yet(gain: number, later: number): string {
  if (gain < 0) return `yet reading still makes the loss ${decimal(-gain)} nats higher`;
  if (gain < NEXT_TO_NOTHING * later) return `yet reading saves next to nothing, ${decimal(gain)} nats a token`;
  return `reading saves ${decimal(gain)} nats a token`;
}

function byCopying(at: ProbeMetrics, found: ProbeMetrics, way: Way): Chapter {
  const [alone, before] = [of(at, 'isolatedLoss'), of(found, 'isolatedLoss')];
  const lowest = way.reduce((least, one) => (gainOf(one) < gainOf(least) ? one : least), found);
  const cost =
    gainOf(lowest) < 0
      ? `In between reading even made the loss higher, by ${decimal(-gainOf(lowest))} nats at step ${lowest.step}. `
      : '';
  const forgot =
    alone > before ? `Alone a token costs more than at step ${found.step}, where it was ${decimal(before)}.` : '';
  return {
    id: 'copying',
    title: 'Learns to copy',
    step: at.step,
    sentence: `Only now does the language model copy from what it reads: a token costs ${decimal(of(at, 'ntpLoss'))} nats with context, ${decimal(alone)} alone.`,
    more: `${cost}${forgot}`.trim(),
    frames: { document: true, wording: false },
    curve: 'ntpLoss',
  };
}

function limits(at: ProbeMetrics, { evaluations, configuration }: Told): Chapter {
  const scores = evaluations.findLast((one) => scoreOf(one, 'tfidfRecallAt1') !== undefined);
  const [words = NaN, recall = NaN] = ['tfidfRecallAt1', 'recallAt1'].map((key) => scoreOf(scores, key));
  const isMatched = words >= recall;
  return {
    id: 'limits',
    title: 'Its limits',
    step: at.step,
    sentence: isMatched
      ? `Counting words finds as many partners (TF-IDF ${decimal(words)}, the retriever ${decimal(recall)}): these texts are easy, and another text may teach nothing.`
      : 'These texts are made for it: another text may teach nothing.',
    more: `${isMatched ? 'Both sentences of a fact share its names and words. ' : ''}${builtIn(configuration)}`.trim(),
    frames: { document: true, wording: false },
    curve: 'ntpLoss',
  };
}

/** A count that may be a mean. */
function plainCount(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** What of a run's success is arranged, to be said before it is shown; empty where nothing is. */
export function builtIn({ source, initialisation }: Told['configuration']): string {
  const parts = [
    ...(source === 'facts' ? ['every batch holds each fact twice, in two different sentences'] : []),
    ...(initialisation === 'copyPrior'
      ? ['the language model starts out able to pass on what it reads (copy prior)']
      : []),
  ];
  return parts.length > 0 ? `Built in: ${parts.join(', and ')}.` : '';
}

/** Nats per token that reading saves. */
function gainOf(at: ProbeMetrics): number {
  return of(at, 'isolatedLoss') - of(at, 'ntpLoss');
}

/** NaN where there is none: no comparison holds for it. */
function of(at: ProbeMetrics, metric: string): number {
  return at[metric] ?? NaN;
}

function share(at: ProbeMetrics, metric: string): string {
  return `${Math.round(100 * of(at, metric))}%`;
}
