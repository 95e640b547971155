import type { Configuration } from '../../../settings/configuration.ts';
import { metricOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import type { RowReading } from '../display.ts';
import type { Moment } from '../moment.ts';
import { WINDOW, type RecentScores } from './scores.ts';

/** Steps after which a run that could learn would show it. */
const PATIENCE = 200;
/** Of the language model's gradient: less is next to no gradient. */
const FAINT = 1e-3;

/** Why nothing (or nothing about retrieval) is being learnt; undefined when it is, or when it is too early to say. */
export function whyStuck(
  c: Configuration,
  moment: Moment,
  picture: Picture,
  rows: readonly RowReading[],
  scores: RecentScores,
): string | undefined {
  const saved = savedSoFar(scores);
  switch (c.attention) {
    case 'uniform':
      return `Control: every chunk reads all others alike, whatever they say; the retriever is not trained${saved}.`;
    case 'random':
      return `Control: each chunk is given one other chunk by chance; the retriever is not trained${saved}.`;
    case 'oracle':
      return `Control: each chunk is handed its true partners, so this is what a perfect retriever would give${saved}. The retriever itself is not trained.`;
    case 'bm25':
      return `Control: shared words (BM25) decide who is read${saved}. The retriever itself is not trained.`;
    case 'learned':
      break;
  }
  if (c.freezeRetriever)
    return 'The retriever is frozen: only the language model learns, and who is read never changes.';
  if (rows.every(({ hasPartner }) => !hasPartner) && Number.isNaN(scores.recall)) {
    return 'No chunk here has a partner from its own document, so recall cannot be measured. Batches of topic groups hold partners.';
  }
  if (c.temperature < 0.01 && metricOf(picture.metrics, 'effectiveDocuments') < 1.05 && !isGood(scores)) {
    return `The temperature (τ ${decimal(c.temperature)}) is so low that each chunk reads one neighbour only${gradientWords(moment)}. Try τ 0.1.`;
  }
  // Better than it was is learning, however little; where that was not measured, the score itself has to tell.
  if (scores.step < PATIENCE || (scores.learnt === undefined ? isGood(scores) : scores.learnt === 'better'))
    return undefined;
  if (c.base !== 'scratch') return undefined;
  if (c.initialisation === 'normal' && scores.gain < 0.02) {
    return `From plain random weights the language model ignores its neighbours, so the retriever gets no signal. ${scores.told} Start from the copy prior.`;
  }
  if (c.source !== 'facts') {
    const found =
      scores.learnt === undefined ? '' : ` After ${scores.step} steps the retriever is no better than untrained.`;
    return `A small model from scratch uses any neighbour about as much as the right one.${found} ${scores.told} It takes a pretrained checkpoint.`;
  }
  return undefined;
}

export function isGood({ recall }: Pick<RecentScores, 'recall'>): boolean {
  return recall >= 0.6;
}

/** What the retriever's gradient was in the last steps, as it was measured; empty where it was not. */
function gradientWords({ history, step }: Moment): string {
  const end = history.indexAt(step) + 1;
  const start = Math.max(0, end - WINDOW);
  const [norms, others] = ['retrieverGradientNorm', 'languageModelGradientNorm'].map((metric) =>
    history.column(metric).subarray(start, end),
  );
  const measured = Array.from(norms ?? []).filter((norm) => !Number.isNaN(norm)).length;
  if (measured === 0) return '';
  const faint = Array.from(norms ?? []).filter((norm, i) => norm <= FAINT * (others?.[i] || 1)).length;
  const last = measured === 1 ? 'in the first step' : `in ${faint} of the last ${measured} steps`;
  if (faint === 0) return ', and the retriever has found nothing by that so far';
  return `; ${last} the retriever got next to no gradient`;
}

function savedSoFar({ gain }: Pick<RecentScores, 'gain'>): string {
  if (Number.isNaN(gain)) return '';
  return gain >= 0.02 ? `; reading saves ${decimal(gain)} nats per token` : '; reading saves nothing so far';
}
