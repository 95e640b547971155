import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StepRecord } from '../../src/run/record.ts';
import { configure } from '../../src/settings/configuration.ts';
import { chartsPicture } from '../../src/ui/panels/exports/chartPicture.ts';
import { matrixPicture } from '../../src/ui/panels/exports/matrixPicture.ts';
import { metricsCsv, metricsJson } from '../../src/ui/panels/exports/metricsTable.ts';
import * as palette from '../../src/ui/panels/exports/palette.ts';
import { escaped } from '../../src/ui/panels/exports/svg.ts';
import { matrixNamed } from '../../src/ui/state/display.ts';
import { History } from '../../src/ui/state/history/history.ts';
import { teachingOf } from '../../src/ui/state/teaching.ts';
import { PROBE_BATCH, probeRecord, reads, record, REVELA } from './records.ts';
import { isWellFormed } from './svg.ts';

function history(): History {
  const one = new History(REVELA);
  one.addEvaluation(scores(0));
  one.add(record(1, { ntpLoss: 2.5 }));
  one.add(record(2, { recallAt1: undefined }));
  one.addEvaluation(scores(2));
  return one;
}

function scores(step: number) {
  return {
    step,
    recallAt1: 0.5,
    chance: 0.25,
    tfidfRecallAt1: undefined,
    ntpLoss: 1,
    isolatedLoss: 2,
    effectiveDocuments: 3,
  };
}

describe('metrics as CSV', () => {
  it('are one row a step under a header with units, and hold the held-out scores', () => {
    const [header = '', ...rows] = metricsCsv(history()).trimEnd().split('\r\n');
    const names = header.split(',');
    expect(names[0]).toBe('step');
    expect(names).toContain('loss with context (nats/token)');
    expect(names).toContain('step time (ms)');
    const cells = rows.map((row) => row.split(','));
    expect(cells.map((row) => row.length)).toEqual([names.length, names.length, names.length]);
    const at = (row: number, name: string): string | undefined => cells[row]?.[names.indexOf(name)];
    expect(cells.map((row) => row[0])).toEqual(['0', '1', '2']);
    expect(at(0, 'loss with context (nats/token)')).toBe('');
    expect(at(1, 'loss with context (nats/token)')).toBe('2.5');
    expect(at(2, 'recall@1 of the batch (share)')).toBe('');
    expect([0, 1, 2].map((row) => at(row, 'held-out recall@1 (share)'))).toEqual(['0.5', '', '0.5']);
  });

  it('hold what was seen of the batch that stays the same, where there is one', () => {
    const run = history();
    expect(metricsCsv(run)).not.toContain('batch:');
    run.addProbe('heldOut', PROBE_BATCH, probeRecord(0, { contrast: 0.25 }));
    run.addProbe('heldOut', PROBE_BATCH, probeRecord(2, { contrast: 0.5 }));
    const [header = '', ...rows] = metricsCsv(run).trimEnd().split('\r\n');
    const at = header.split(',').indexOf('held-out batch: partner’s advantage (nats/token)');
    expect(rows.map((row) => row.split(',')[at])).toEqual(['0.25', '', '0.5']);
    const { fixedBatch } = JSON.parse(metricsJson(run, configure({}))) as { fixedBatch: { contrast: number }[] };
    expect(fixedBatch.map(({ contrast }) => contrast)).toEqual([0.25, 0.5]);
  });

  it('are the same numbers as JSON, with what they were made with', () => {
    const parsed = JSON.parse(metricsJson(history(), configure({ seed: 3 }))) as {
      configuration: { seed: number };
      units: Record<string, string>;
      metrics: Record<string, number | null>[];
      heldOut: unknown[];
    };
    expect(parsed.configuration.seed).toBe(3);
    expect(parsed.units.stepMs).toBe('step time (ms)');
    expect(parsed.metrics.map(({ ntpLoss }) => ntpLoss)).toEqual([2.5, 1.3]);
    expect(parsed.metrics[1]?.recallAt1).toBeNull();
    expect(parsed.heldOut).toHaveLength(2);
  });
});

describe('pictures', () => {
  const step = record(7, { attention: reads([2, 3, 0, 1]) });

  it('show the matrix: a cell each, rings on partners, what it is and of which run', () => {
    const svg = matrixPicture(
      step,
      { matrix: matrixNamed(REVELA, 'A'), pairs: REVELA.pairs, order: 'batch', moment: 'held-out batch, step 7' },
      'τ 0.1 & <more>',
    );
    expect(isWellFormed(svg)).toBe(true);
    expect(svg).toContain('held-out batch, step 7');
    expect(svg).toContain('τ 0.1 &amp; &lt;more&gt;');
    // Four dark cells stand on partners; the marks of the two documents have paper-coloured textures.
    expect(svg.match(/fill="none" stroke="#fcfbf8"\/>/g)).toHaveLength(4);
    expect(svg).not.toMatch(/var\(|class=|currentcolor/);
    expect(svg).toContain('Arial');
  });

  it('frame what the page frames, and show what teaches where the page does', () => {
    const told = {
      ...step,
      batch: { chunks: step.batch.chunks.map((chunk, i) => ({ ...chunk, wording: i < 2 ? 0 : 1 })) },
      tokenLoss: step.batch.chunks.map(() => [1]),
      attentionGradient: Array.from({ length: 16 }, (_, at) => (at === 2 ? -0.5 : at === 1 ? 0.5 : 0)),
      similarityGradient: Array.from({ length: 16 }, (_, at) => (at === 2 ? -0.5 : at === 1 ? 0.5 : 0)),
    } as StepRecord;
    const choice = { matrix: matrixNamed(REVELA, 'A'), pairs: REVELA.pairs, order: 'batch', moment: 'step 7' } as const;
    const plain = matrixPicture(told, { ...choice, frames: { document: false, wording: true } }, '');
    // Four cells tell another document in the same wording; the fifth dashed frame is the key's.
    expect(plain.match(/stroke-dasharray="3 3"/g)).toHaveLength(5);
    expect(plain).toContain('same wording');
    expect(plain).not.toContain('same document');
    const taught = matrixPicture(told, { ...choice, teaching: teachingOf(REVELA, told) }, '');
    expect(isWellFormed(taught)).toBe(true);
    expect(taught).toContain('What reading saved, nats per token');
    expect(taught).toContain('url(#hurt)');
    // One arrow up, one down: a path each, of one triangle.
    expect(taught.match(/d="M[^"]*h[^"]*L[^"]*Z" fill="#1b1d21"/g)).toHaveLength(2);
  });

  it('show the charts, and bear a run of one step', () => {
    for (const one of [history(), History.from({ ...emptyRun(), metrics: [step.metrics], snapshots: [step] })]) {
      const svg = chartsPicture(one, 4, 'caption');
      expect(isWellFormed(svg)).toBe(true);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      for (const title of ['Loss', 'Recall@1', 'Read per row', 'Gradient norm', 'Step time', 'Throughput'])
        expect(svg).toContain(`>${title}<`);
    }
  });

  it('write any text as XML', () => {
    expect(escaped('<a b="c">&\u0000\u0008')).toBe('&lt;a b=&quot;c&quot;&gt;&amp;');
  });

  it('have the colours of the light theme', () => {
    const theme = readFileSync('src/ui/styles/theme.css', 'utf8');
    const light = (name: string): string | undefined => new RegExp(`--${name}: light-dark\\((#\\w+)`).exec(theme)?.[1];
    expect([palette.PAPER, palette.INK, palette.MUTED, palette.HAIRLINE, palette.ACCENT, palette.ALONE]).toEqual(
      ['paper', 'ink', 'muted', 'hairline', 'accent', 'alone'].map(light),
    );
    expect([palette.VALUE_LOW, palette.VALUE_HIGH, palette.VALUE_BELOW]).toEqual(
      ['value-low', 'value-high', 'value-below'].map(light),
    );
    expect(palette.DOCUMENTS).toEqual(palette.DOCUMENTS.map((_, i) => light(`document-${i}`)));
  });
});

function emptyRun(): Parameters<typeof History.from>[0] {
  return {
    version: 1,
    name: '',
    configuration: configure({}),
    corpus: { title: '', documents: undefined, chunks: undefined, vocabulary: 1, notices: [], preview: [] },
    adapter: '',
    metrics: [],
    snapshots: [],
    evaluations: [],
  };
}
