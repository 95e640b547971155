import type { MatrixDefinition, ObjectiveTable, SoftmaxDefinition } from '../../../objectives/tables.ts';
import { controlAttention } from '../../../objectives/revela/controls.ts';
import { softmaxRows } from '../../../objectives/softmax.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import type { Configuration, SettingKey } from '../../../settings/configuration.ts';
import { decimal } from '../../components/format.ts';
import { matrixName } from '../display.ts';

/** How shares were made, or could be: from similarities at a temperature, or by a control. */
export type Reading =
  { readonly by: 'learned'; readonly temperature: number } | { readonly by: 'uniform' | 'oracle' | 'random' | 'bm25' };

/** What can be put in the place of a run's own shares, since its pictures hold all that it takes. */
export type Instead = Extract<Reading, { readonly by: 'learned' }> | { readonly by: 'uniform' | 'oracle' };

/** Shares that can be made anew. */
export type Softmax = MatrixDefinition & { readonly softmax: SoftmaxDefinition };

export function softmaxOf({ matrices }: Pick<ObjectiveTable, 'matrices'>): Softmax | undefined {
  return matrices.find((matrix): matrix is Softmax => matrix.softmax !== undefined);
}

/** How a run of these settings makes its shares. */
export function ownReading({ softmax }: Softmax, configuration: Configuration): Reading {
  const by =
    softmax.control === undefined ? 'learned' : (configuration[softmax.control as SettingKey] as Reading['by']);
  return by === 'learned' ? { by, temperature: Number(configuration[softmax.temperature as SettingKey]) } : { by };
}

export function isSame(a: Reading, b: Reading): boolean {
  return a.by === b.by && temperatureOf(a) === temperatureOf(b);
}

/** Undefined for a control, which has none. */
export function temperatureOf(reading: Reading): number | undefined {
  return reading.by === 'learned' ? reading.temperature : undefined;
}

/** What the pictures made here were made with. */
const made = new WeakMap<Picture, Instead>();

/** What stands in a picture in the place of the run's own shares; undefined where those stand in it. */
export function insteadOf(picture: Picture | undefined): Instead | undefined {
  return picture && made.get(picture);
}

/**
 * A picture with other shares in place of the run's own: made from its similarities as they are kept (recorded runs: to four digits),
 * or by a control from its documents. All else in it stays the run's, but for the gradients, which are of the run's own shares.
 */
export function pictureWith(picture: Picture, table: ObjectiveTable, instead: Instead): Picture {
  const share = softmaxOf(table);
  if (!share) throw new Error('These shares cannot be made anew.');
  const { chunks } = picture.batch;
  const shares =
    instead.by === 'learned'
      ? softmaxRows(matrixOf(picture, share.softmax.of), chunks.length, instead.temperature, table.pairs.diagonal)
      : Array.from(controlAttention(instead.by, { labels: chunks.map(({ document }) => document), ...UNASKED }));
  const gradients = Object.values(table.signals ?? {}).map((key) => [key, undefined] as const);
  const other = { ...picture, ...Object.fromEntries(gradients), [share.key]: shares };
  made.set(other, instead);
  return other;
}

/** What neither of the two controls asks for. */
const UNASKED = {
  random: (): number => {
    throw new Error('Nothing is drawn.');
  },
  bm25: (): number[] => [],
};

/** What has to stand where a matrix of a picture is shown, if it is not the run's own. */
export function whatIfOf(picture: Picture | undefined, { softmax }: MatrixDefinition): string | undefined {
  const instead = insteadOf(picture);
  return instead && softmax && insteadWords(instead);
}

/** What a matrix of a picture is, and how its cells were made: "Attention A = softmax(S / τ)". A control is not made by the formula. */
export function matrixTitle(picture: Picture, matrix: MatrixDefinition): string {
  const instead = matrix.softmax && insteadOf(picture);
  return instead && instead.by !== 'learned' ? matrixName(matrix) : `${matrixName(matrix)} ${matrix.formula}`;
}

/** "what if τ were 0.02". */
export function insteadWords(instead: Instead): string {
  switch (instead.by) {
    case 'learned':
      return `what if τ were ${decimal(instead.temperature)}`;
    case 'uniform':
      return 'what if all were read alike';
    case 'oracle':
      return 'what if the true partner were read';
    default:
      return instead satisfies never;
  }
}
