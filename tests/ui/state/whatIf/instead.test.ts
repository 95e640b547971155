import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OBJECTIVE_TABLES } from '../../../../src/objectives/tables.ts';
import { matrixOf, probePicture, type RunRecord } from '../../../../src/run/record.ts';
import { configure, SETTINGS, type SettingKey } from '../../../../src/settings/configuration.ts';
import { effectsOf } from '../../../../src/ui/state/whatIf/effects.ts';
import {
  insteadOf,
  insteadWords,
  pictureWith,
  softmaxOf,
  type Instead,
} from '../../../../src/ui/state/whatIf/instead.ts';
import { Lens } from '../../../../src/ui/state/whatIf/lens.svelte.ts';
import { teachingOf } from '../../../../src/ui/state/teaching.ts';
import { metrics } from '../../records.ts';

const RECORDED = JSON.parse(
  readFileSync(new URL('../../../../public/recorded/facts.json', import.meta.url), 'utf8'),
) as RunRecord;
const TABLE = OBJECTIVE_TABLES.revela;

describe('tables', () => {
  test.each(Object.values(OBJECTIVE_TABLES))('$id: what its shares are made of exists', (table) => {
    const share = softmaxOf(table);
    expect(share?.isShare).toBe(true);
    expect(table.matrices.map(({ key }) => key)).toContain(share?.softmax.of);
    expect(SETTINGS[share?.softmax.temperature as SettingKey].kind).toBe('number');
    const control = share?.softmax.control;
    if (control !== undefined) expect(SETTINGS[control as SettingKey].kind).toBe('choice');
  });
});

describe('A made anew', () => {
  test('is that of the recorded run where the temperature is its own, at every step with a picture', () => {
    const { temperature } = RECORDED.configuration;
    const { probe } = RECORDED;
    if (!probe) throw new Error('The recorded run has no probe.');
    const pictures = [...RECORDED.snapshots, ...probe.records.map((record) => probePicture(probe, record))];
    expect(pictures.length).toBeGreaterThan(100);
    for (const picture of pictures) {
      const again = matrixOf(pictureWith(picture, TABLE, { by: 'learned', temperature }), 'attention');
      // S is kept to four digits: at τ 0.1 a share is off by 0.00025 at most.
      matrixOf(picture, 'attention').forEach((share, at) =>
        expect(Math.abs((again[at] ?? NaN) - share)).toBeLessThan(2.5e-4),
      );
    }
  });

  test('leaves all else in the picture as it was, and says what it is', () => {
    const [picture] = RECORDED.snapshots;
    if (!picture) throw new Error('The recorded run has no pictures.');
    const instead: Instead = { by: 'learned', temperature: 0.02 };
    const other = pictureWith(picture, TABLE, instead);
    const { attention: _, attentionGradient, similarityGradient, ...rest } = other;
    const { attention: __, attentionGradient: ___, similarityGradient: ____, ...was } = picture;
    expect(rest).toEqual(was);
    // They are of the run's own shares.
    expect([attentionGradient, similarityGradient]).toEqual([undefined, undefined]);
    expect(teachingOf(TABLE, other)).toBeUndefined();
    expect(teachingOf(TABLE, picture)).toBeDefined();
    expect(matrixOf(other, 'attention')).not.toEqual(matrixOf(picture, 'attention'));
    expect(insteadOf(other)).toEqual(instead);
    expect(insteadOf(picture)).toBeUndefined();
    expect(insteadWords(instead)).toBe('what if τ were 0.02');
    expect(insteadWords({ by: 'learned', temperature: 1e-4 })).toBe('what if τ were 0.0001');
  });

  test('of controls is uniform, or all on the same document, and alike where there is none', () => {
    const chunk = (document: number) => ({ text: '', document, documentTitle: '', tokens: [] });
    const batch = { chunks: [0, 0, 1, 0].map(chunk) };
    const picture = { metrics: metrics(1), batch, similarity: [], attention: [] };
    const third = 1 / 3;
    const of = (by: 'uniform' | 'oracle'): number[] =>
      matrixOf(pictureWith(picture, TABLE, { by }), 'attention').map((share) => Number(share.toFixed(6)));
    const rounded = (rows: number[][]): number[] => rows.flat().map((share) => Number(share.toFixed(6)));
    expect(of('uniform')).toEqual(
      rounded([0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((column) => (row === column ? 0 : third)))),
    );
    expect(of('oracle')).toEqual(
      rounded([
        [0, 0.5, 0, 0.5],
        [0.5, 0, 0, 0.5],
        [third, third, 0, third],
        [0.5, 0.5, 0, 0],
      ]),
    );
  });
});

describe('the lens', () => {
  const [picture] = RECORDED.snapshots;
  if (!picture) throw new Error('The recorded run has no pictures.');
  const lensOn = (settings: Parameters<typeof configure>[0], table = OBJECTIVE_TABLES.revela): Lens =>
    new Lens(() => ({ configuration: configure(settings), table }));

  test('shows the run itself until something else is put there, and again when that is left', () => {
    const lens = lensOn({ temperature: 0.1 });
    expect(lens.through(picture)).toBe(picture);
    lens.put({ by: 'learned', temperature: 0.5 });
    const other = lens.through(picture);
    expect(insteadOf(other)).toEqual({ by: 'learned', temperature: 0.5 });
    expect(lens.through(picture)).toBe(other);
    const held = lens.held();
    lens.put({ by: 'uniform' });
    expect(insteadOf(lens.through(picture))).toEqual({ by: 'uniform' });
    expect(insteadOf(held?.through(picture))).toEqual({ by: 'learned', temperature: 0.5 });
    lens.leave();
    expect(lens.through(picture)).toBe(picture);
    expect(lens.held()).toBeUndefined();
  });

  test('takes what the run does itself for the run', () => {
    const lens = lensOn({ temperature: 0.1 });
    lens.put({ by: 'learned', temperature: 0.1 });
    expect(lens.instead).toBeUndefined();
    const control = lensOn({ attention: 'uniform', temperature: 0.1 });
    expect(control.own).toEqual({ by: 'uniform' });
    control.put({ by: 'uniform' });
    expect(control.instead).toBeUndefined();
    control.put({ by: 'learned', temperature: 0.1 });
    expect(control.instead).toEqual({ by: 'learned', temperature: 0.1 });
  });

  test('offers no controls where an objective has none', () => {
    const lens = lensOn({ objective: 'infoNce' }, OBJECTIVE_TABLES.infoNce);
    expect(lens.own).toEqual({ by: 'learned', temperature: SETTINGS.infoNceTemperature.default });
    lens.put({ by: 'oracle' });
    expect(lens.instead).toBeUndefined();
    lens.put({ by: 'learned', temperature: 1 });
    expect(lens.instead).toEqual({ by: 'learned', temperature: 1 });
  });
});

describe('what follows', () => {
  test('documents read, gradient factors and what partners get, by their formulas', () => {
    for (const temperature of [0.02, 0.1, 1]) {
      const picture = RECORDED.snapshots.at(20);
      if (!picture) throw new Error('The recorded run has too few pictures.');
      const reading: Instead = { by: 'learned', temperature };
      const shares = matrixOf(pictureWith(picture, TABLE, reading), 'attention');
      const effects = effectsOf(shares, picture.batch, reading, TABLE.pairs);
      const size = picture.batch.chunks.length;
      const row = shares.slice(0, size);
      const entropy = row.reduce((sum, a) => sum - (a > 0 ? a * Math.log(a) : 0), 0);
      expect(effects.documents[0]).toBeCloseTo(Math.exp(entropy), 10);
      expect(effects.factors?.[1]).toBeCloseTo(((shares[1] ?? NaN) * (1 - (shares[1] ?? NaN))) / temperature, 10);
      let partners = 0;
      let rows = 0;
      picture.batch.chunks.forEach(({ document }, i) => {
        const right = picture.batch.chunks.flatMap((other, j) => (j !== i && other.document === document ? [j] : []));
        if (right.length > 0) rows++;
        for (const j of right) partners += shares[i * size + j] ?? NaN;
      });
      expect(effects.right).toBeCloseTo(partners / rows, 10);
    }
  });

  test('a control has no gradient factor', () => {
    const chunks = [0, 1].map((document) => ({ text: '', document, documentTitle: '', tokens: [] }));
    const effects = effectsOf([0, 1, 1, 0], { chunks }, { by: 'uniform' }, TABLE.pairs);
    expect([effects.factors, effects.meanFactor, effects.right]).toEqual([undefined, undefined, undefined]);
    expect(effects.documents).toEqual([1, 1]);
  });

  test('two similarities that are far apart have a softest and a sharpest τ, and the factor is largest between', () => {
    const chunks = [0, 0, 1, 1].map((document) => ({ text: '', document, documentTitle: '', tokens: [] }));
    const similarity = [0, 0.9, 0.5, 0.4, 0.9, 0, 0.5, 0.4, 0.5, 0.5, 0, 0.8, 0.4, 0.4, 0.8, 0];
    const picture = { metrics: metrics(1), batch: { chunks }, similarity, attention: [] };
    const at = (temperature: number) => {
      const reading: Instead = { by: 'learned', temperature };
      return effectsOf(matrixOf(pictureWith(picture, TABLE, reading), 'attention'), { chunks }, reading, TABLE.pairs);
    };
    const [sharp, middle, soft] = [at(1e-4), at(0.1), at(2)];
    expect(sharp.meanDocuments).toBeCloseTo(1, 9);
    expect(soft.meanDocuments).toBeGreaterThan(2.9);
    expect(middle.meanFactor ?? NaN).toBeGreaterThan(soft.meanFactor ?? NaN);
    expect(middle.meanFactor ?? NaN).toBeGreaterThan(sharp.meanFactor ?? NaN);
    expect(sharp.meanFactor).toBeCloseTo(0, 9);
  });
});
