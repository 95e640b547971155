import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { matrixOf, type Picture, type RunRecord } from '../../../src/run/record.ts';
import { runCharts } from '../../../src/ui/panels/charts/runCharts.ts';
import { CARD, SLIDE, slidePicture, type Slide } from '../../../src/ui/panels/exports/slide.ts';
import { slideOf as drawnSlide } from '../../../src/ui/panels/exports/slideOf.ts';
import { textWidth, wrapped } from '../../../src/ui/panels/exports/textWidth.ts';
import { displayOrder, matrixNamed } from '../../../src/ui/state/display.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import { momentAt, reachOf } from '../../../src/ui/state/moment.ts';
import { teachingOf } from '../../../src/ui/state/teaching.ts';
import { pictureWith } from '../../../src/ui/state/whatIf/instead.ts';
import { decimal } from '../../../src/ui/components/format.ts';
import { isWellFormed, textsOf } from '../svg.ts';
import { largestRecord, runOf } from '../records.ts';

/** The slide of a run at a step. */
function slideOf(run: RunRecord, step: number, changes: Partial<Slide> = {}): Slide {
  const history = History.from(run);
  const { record, step: at, last } = momentAt(reachOf(history), step, 'step');
  const matrix = matrixNamed(history.table, 'A');
  const [chart] = runCharts({ history, chunks: run.configuration.chunks, step: at });
  return {
    batch: record!.batch,
    values: matrixOf(record!, matrix.key),
    places: displayOrder(record!.batch, 'document'),
    pairs: history.table.pairs,
    matrix,
    what: 'Attention A = softmax(S / τ)',
    step: at,
    sentence: 'Chunk 7 reads chunk 8 <more> than any other.',
    subject: 'the batch of this step',
    run: ['Recorded run on Facts', 'τ 0.1'],
    chart: chart!,
    last,
    ...changes,
  };
}

const facts = JSON.parse(readFileSync('public/recorded/facts.json', 'utf8')) as RunRecord;
/** A step that the recorded run has a picture of. */
const STEP = facts.snapshots.find(({ metrics }) => metrics.step > 300)!.metrics.step;

/** Sizes of type as they are written: groups are only ever enlarged. */
function fontSizes(svg: string): number[] {
  return [...svg.matchAll(/font-size="([\d.]+)"/g)].map(([, size]) => Number(size));
}

describe('a slide', () => {
  it('is 16:9 or a card, well-formed, and says matrix, step, sentence, subject and run', () => {
    const svg = slidePicture(slideOf(facts, STEP));
    expect(svg).toContain(`width="${SLIDE.width}" height="${SLIDE.height}"`);
    expect(SLIDE.width / SLIDE.height).toBeCloseTo(16 / 9, 10);
    expect(CARD.width / CARD.height).toBeCloseTo(1200 / 630, 10);
    expect(isWellFormed(svg)).toBe(true);
    expect(isWellFormed(slidePicture(slideOf(facts, STEP), CARD))).toBe(true);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|var\(|class=/);
    const said = textsOf(svg);
    expect(said[0]).toMatch(new RegExp(`^Attention A = softmax\\(S / τ\\), step ${STEP}$`));
    expect(said).toContain('Chunk 7 reads chunk 8 &lt;more&gt; than any other.');
    expect(said).toContain('Shown: the batch of this step');
    expect(said).toContain('Recorded run on Facts · τ 0.1');
    expect(said).toContain('same document');
  });

  it('holds the text of every chunk under its number, and the curve with what it was at that step', () => {
    const slide = slideOf(facts, STEP);
    const said = textsOf(slidePicture(slide));
    slide.places.forEach((chunk, place) => {
      const at = said.indexOf(slide.batch.chunks[chunk]!.text);
      expect(said[at - 1]).toBe(String(place + 1));
    });
    for (const { metrics, batch } of facts.snapshots) {
      const all = textsOf(slidePicture(slideOf(facts, metrics.step)));
      for (const { text } of batch.chunks) expect(all).toContain(text);
    }
    const history = History.from(facts);
    expect(said).toContain(`alone ${history.value('isolatedLoss', STEP).toFixed(2)}`);
    expect(said).toContain(`with context ${history.value('ntpLoss', STEP).toFixed(2)}`);
  });

  it('says which batch it shows, and with which weights', () => {
    const reach = reachOf(History.from(facts));
    const choice = { configuration: facts.configuration, name: 'Recorded run on Facts', order: 'document' } as const;
    const subject = (step: number, of: 'probe' | 'step') => drawnSlide(momentAt(reach, step, of), choice).subject;
    expect(facts.probe?.of).toBe('heldOut');
    expect(subject(0, 'probe')).toBe('the held-out batch, before any training');
    expect(subject(320, 'probe')).toBe('the held-out batch, after 320 updates');
    const { step } = facts.snapshots[5]!.metrics;
    expect(subject(step, 'step')).toBe(`the batch of step ${step}, as the models were before it`);
  });

  it('says of a picture of what was not computed that it is none of the run’s', () => {
    const said = textsOf(slidePicture(slideOf(facts, STEP, { lens: 'what if τ were 0.02' })));
    expect(said[0]).toContain('what if τ were 0.02');
    expect(said).toContain('Shown: the batch of this step · what if τ were 0.02, not what the run had');
  });

  it('shows what teaches where the page does: marks, legend, title and sentence, at every step that has it', () => {
    const reach = reachOf(History.from(facts));
    const choice = { configuration: facts.configuration, name: 'Recorded run on Facts', order: 'document' } as const;
    for (const step of [0, 136, 320, 700]) {
      const moment = momentAt(reach, step, 'probe');
      const without = drawnSlide(moment, choice);
      expect(without.teaching).toBeUndefined();
      const slide = drawnSlide(moment, { ...choice, showsTeaching: true });
      const teaching = teachingOf(reach.history.table, moment.picture!)!;
      expect(slide.teaching).toEqual(teaching);
      const svg = slidePicture(slide);
      const said = textsOf(svg);
      expect(isWellFormed(svg)).toBe(true);
      expect(said[0]).toBe(`What reading saved, nats per token; ▲▼ where similarity goes, step ${step}`);
      expect(said[1]).toMatch(/^Per unit of attention a partner saves /);
      expect(said).toContain(`+${decimal(teaching.largestSaving)}`);
      expect(svg).toContain('url(#hurt)');
      expect(slidePicture(without)).not.toContain('url(#hurt)');
    }
    // Shares that the run did not have taught nothing.
    const lens = {
      through: (one: Picture) => pictureWith(one, reach.history.table, { by: 'learned', temperature: 1 }),
    };
    const other = drawnSlide(momentAt(reach, 320, 'probe'), { ...choice, showsTeaching: true, lens });
    expect(other.teaching).toBeUndefined();
    expect(textsOf(slidePicture(other))[0]).toContain('what if τ were 1');
  });

  it('cuts long texts of the largest batch and keeps all type readable', () => {
    const svg = slidePicture(slideOf(runOf([largestRecord()], { chunks: 32 }), 1));
    expect(isWellFormed(svg)).toBe(true);
    expect(textsOf(svg).filter((text) => text.endsWith('…'))).toHaveLength(32);
    expect(Math.min(...fontSizes(svg))).toBeGreaterThanOrEqual(11);
  });

  it('lets no text of a chunk run over the right edge, however long it is', () => {
    const slide = slideOf(facts, STEP);
    for (let words = 1; words < 40; words++) {
      const chunks = slide.batch.chunks.map((chunk) => ({ ...chunk, text: 'ripening '.repeat(words) }));
      const svg = slidePicture({ ...slide, batch: { chunks } });
      const lines = [...svg.matchAll(/<text x="(\d+)"[^>]*font-size="([\d.]+)"[^>]*>(ripening[^<]*)</g)];
      expect(lines.length).toBeGreaterThanOrEqual(8);
      for (const [, x, size, text] of lines) {
        expect(736 + Number(x) + textWidth(text ?? '', Number(size)), text).toBeLessThanOrEqual(1600);
      }
    }
  });
});

describe('the width of text without a font', () => {
  it('breaks at spaces, keeps every word, and cuts what is too much', () => {
    const text = 'one two three four five six seven eight nine ten';
    const lines = wrapped(text, 20, 160, 9);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.join(' ')).toBe(text);
    for (const line of lines) expect(textWidth(line, 20)).toBeLessThanOrEqual(160);
    const cut = wrapped(text, 20, 160, 2);
    expect(cut).toHaveLength(2);
    expect(cut[1]).toMatch(/…$/);
    expect(textWidth(cut[1]!, 20)).toBeLessThanOrEqual(160);
  });

  it('breaks words that are longer than a line, and survives the narrowest', () => {
    expect(wrapped('aaaaaaaaaaaaaaaaaaaa', 20, 100, 9).every((line) => textWidth(line, 20) <= 100)).toBe(true);
    expect(wrapped('ab', 20, 1, 9)).toEqual(['a', 'b']);
    expect(wrapped('', 20, 100, 2)).toEqual([]);
    expect(wrapped('😀😀😀', 20, 25, 9)).toEqual(['😀', '😀', '😀']);
  });
});
