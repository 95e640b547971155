import { matrixOf } from '../../../run/record.ts';
import { runCharts } from '../charts/runCharts.ts';
import { runInWords } from '../../shell/runInWords.ts';
import type { Page } from '../../state/context.ts';
import { displayOrder } from '../../state/display.ts';
import type { Moment } from '../../state/moment.ts';
import { runName } from '../../state/otherRun.ts';
import { describe } from '../../state/sentences/sentence.ts';
import type { Slide } from './slide.ts';

/**
 * The slide of a moment of the run shown, as the page shows it: the matrix and the order that were chosen. `chart`: title of the curve.
 * `said`: what stands in place of the sentence, which nobody could read where it changes with every frame.
 */
export function slideOf(
  { session, view }: Pick<Page, 'session' | 'view'>,
  moment: Moment,
  { chart, said }: { readonly chart: string; readonly said?: string },
): Slide {
  const { history, picture, step, last } = moment;
  if (!picture) throw new Error('There is no step to draw.');
  const { configuration, stage } = session;
  const { matrix } = view;
  const { batch } = picture;
  const places = displayOrder(batch, view.order);
  const charts = runCharts({ history, chunks: configuration.chunks, step });
  const curve = charts.find(({ title }) => title === chart) ?? charts[0];
  if (!curve) throw new Error('The objective of this run has no chart.');
  const seen = { configuration, moment, picture, isMoving: false, order: places };
  return {
    batch,
    values: matrixOf(picture, matrix.key),
    places,
    pairs: history.table.pairs,
    matrix,
    step,
    sentence: said ?? describe(seen).text,
    subject: `the batch of step ${step}, as the models were before it`,
    run: [
      runName(session) ?? `Run on ${stage.shownTitle}, trained on this page`,
      ...runInWords(configuration).slice(1),
    ],
    chart: curve,
    last,
  };
}
