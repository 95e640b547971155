import { matrixOf } from '../../../run/record.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import { runCharts } from '../charts/runCharts.ts';
import { runInWords } from '../../shell/runInWords.ts';
import type { Page } from '../../state/context.ts';
import { displayOrder, matrixNamed, type Order } from '../../state/display.ts';
import type { Moment } from '../../state/moment.ts';
import { runName } from '../../state/otherRun.ts';
import { describe } from '../../state/sentences/sentence.ts';
import { describeContrast } from '../../state/sentences/teaching.ts';
import { count } from '../../components/format.ts';
import { batchName } from '../../state/pairs.ts';
import { teachingOf } from '../../state/teaching.ts';
import { matrixTitle, whatIfOf } from '../../state/whatIf/instead.ts';
import type { Lens } from '../../state/whatIf/lens.svelte.ts';
import { markedTitle } from './matrixMarks.ts';
import type { Slide } from './slide.ts';

export interface SlideChoice {
  readonly configuration: Configuration;
  /** Whose run it is. */
  readonly name: string;
  /** Letter of the matrix; left out, the one that is shown first. */
  readonly matrix?: string;
  readonly order: Order;
  /** Which pairs are framed; left out, those of one document. */
  readonly frames?: Slide['frames'];
  /** Whether cells show what teaches the retriever in place of their values, wherever the run kept that. */
  readonly showsTeaching?: boolean;
  /** Title of the curve; left out, the first. */
  readonly chart?: string;
  /** What stands in place of the sentence, which nobody could read where it changes with every frame. */
  readonly said?: string;
  /** What the run is seen through; left out, as it was. */
  readonly lens?: Pick<Lens, 'through'> | undefined;
}

/** The slide of a moment of a run. */
export function slideOf(moment: Moment, choice: SlideChoice): Slide {
  const { history, step, last } = moment;
  const picture = moment.picture && (choice.lens?.through(moment.picture) ?? moment.picture);
  if (!picture) throw new Error('There is no step to draw.');
  const { configuration, order, said } = choice;
  const matrix = matrixNamed(history.table, choice.matrix);
  const { batch } = picture;
  const places = displayOrder(batch, order);
  const teaching = choice.showsTeaching ? teachingOf(history.table, picture) : undefined;
  const taught = teaching ? describeContrast(picture, teaching) : '';
  const charts = runCharts({ history, chunks: configuration.chunks, step });
  const chart = charts.find(({ title }) => title === choice.chart) ?? charts[0];
  if (!chart) throw new Error('The objective of this run has no chart.');
  const seen = { configuration, moment, picture, isMoving: false, order: places };
  return {
    batch,
    values: matrixOf(picture, matrix.key),
    places,
    pairs: history.table.pairs,
    frames: choice.frames,
    teaching,
    matrix,
    what: markedTitle(teaching, matrixTitle(picture, matrix)),
    lens: whatIfOf(picture, matrix),
    step,
    sentence: said ?? (taught || describe(seen).text),
    subject: subjectWords(moment),
    run: [choice.name, ...runInWords(configuration).slice(1)],
    chart,
    last,
  };
}

/** Which batch is shown, and with which weights. */
function subjectWords({ history, subject, step }: Moment): string {
  if (subject === 'step') return `the batch of step ${step}, as the models were before it`;
  const name = batchName(subject, history.probe?.of);
  return step === 0 ? `the ${name}, before any training` : `the ${name}, after ${count(step, 'update')}`;
}

/** The choice that the page shows the matrix by. */
export function shownChoice({ session, view }: Pick<Page, 'session' | 'view'>): SlideChoice {
  const name = runName(session) ?? `Run on ${session.stage.shownTitle}, trained on this page`;
  return {
    configuration: session.configuration,
    name,
    matrix: view.matrix.symbol,
    order: view.order,
    frames: { ...view.frames },
    showsTeaching: view.showsTeaching,
    lens: view.lens.held(),
  };
}
