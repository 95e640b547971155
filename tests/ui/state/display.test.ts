import { describe, expect, it } from 'vitest';
import { documentMark, MARKED_DOCUMENTS } from '../../../src/ui/components/documentMarks.ts';
import { filmStrip } from '../../../src/ui/panels/matrix/filmStrip.ts';
import { matrixOf, type StepRecord } from '../../../src/run/record.ts';
import { displayOrder, readRows, spacedTokens, tokenGains } from '../../../src/ui/state/display.ts';
import { INFO_NCE, reads, record, REVELA } from '../records.ts';

describe('displayOrder', () => {
  it('puts chunks of a document side by side, and leaves a batch as drawn when asked', () => {
    const { batch } = record(1, { documents: [1, 0, 1, 0] });
    expect(displayOrder(batch, 'document')).toEqual([1, 3, 0, 2]);
    expect(displayOrder(batch, 'batch')).toEqual([0, 1, 2, 3]);
  });
});

const read = (one: StepRecord, order: readonly number[], { pairs } = REVELA) =>
  readRows(one.batch, matrixOf(one, 'attention'), order, pairs);

describe('readRows', () => {
  it('speaks of places on the axes, not of indices in the batch', () => {
    // Chunk 0 reads 2 (its partner), 1 reads 0, 2 reads 0 (partner), 3 reads 1 (partner).
    const one = record(1, { documents: [0, 1, 0, 1], attention: reads([2, 0, 0, 1]) });
    const rows = read(one, displayOrder(one.batch, 'document'));
    expect(rows.map(({ most }) => most)).toEqual([1, 0, 0, 2]);
    expect(rows.map(({ isPartner }) => isPartner)).toEqual([true, true, false, true]);
    expect(rows[0]?.value).toBeCloseTo(0.9);
  });

  it('says which rows have no partner', () => {
    const one = record(1, { documents: [0, 1, 2, 0] });
    expect(read(one, [0, 1, 2, 3]).map(({ hasPartner }) => hasPartner)).toEqual([true, false, false, true]);
  });
});

describe('the diagonal', () => {
  it('counts only where it holds the answer', () => {
    const one = record(1, { attention: [0.9, 0.1, 0, 0, 0.2, 0.5, 0.3, 0, 0, 0.1, 0.8, 0.1, 0.7, 0, 0, 0.3] });
    const order = [0, 1, 2, 3];
    expect(read(one, order).map(({ most }) => most)).toEqual([1, 2, 1, 0]);
    expect(read(one, order, INFO_NCE).map(({ most }) => most)).toEqual([0, 1, 2, 0]);
  });
});

describe('tokenGains', () => {
  it('is the loss alone minus the loss with context, and nothing for the first token', () => {
    expect(tokenGains(REVELA, record(1), 0)).toEqual([undefined, 1.5]);
  });

  it('is not there where no token is predicted', () => {
    expect(tokenGains(INFO_NCE, record(1), 0)).toBeUndefined();
  });

  it('belongs to the last tokens where only the second half is predicted', () => {
    const one = record(1);
    const chunks = one.batch.chunks.map((chunk) => ({ ...chunk, tokens: ['a', 'b', 'c', 'd'] }));
    const halved = { ...one, batch: { chunks }, tokenLoss: [[1, 2]], isolatedTokenLoss: [[2, 5]] };
    expect(tokenGains(REVELA, halved, 0)).toEqual([undefined, undefined, 1, 3]);
  });
});

describe('spacedTokens', () => {
  const spaced = (text: string, tokens: string[]): string[] =>
    spacedTokens({ text, tokens, document: 0, documentTitle: '' });

  it('puts back the white space that a word-level tokenizer drops', () => {
    expect(spaced('the cat  sat', ['the', 'cat', 'sat'])).toEqual(['the', ' cat', '  sat']);
  });

  it('leaves tokens alone that carry their own, or are not in the text', () => {
    expect(spaced('the cat', ['the', ' c', 'at'])).toEqual(['the', ' c', 'at']);
    expect(spaced('the cat sat', ['the', '[UNK]', 'sat'])).toEqual(['the', '[UNK]', 'sat']);
  });
});

describe('filmStrip', () => {
  it('shows each picture once, near its place in time', () => {
    const snapshots = [1, 40, 100].map((step) => record(step));
    const strip = filmStrip(snapshots, 1, 100, 5).map((one) => one?.metrics.step);
    expect(strip).toEqual([1, 40, undefined, 100, undefined]);
  });
});

describe('documentMark', () => {
  it('is another one for every document of a batch', () => {
    const marks = Array.from({ length: MARKED_DOCUMENTS }, (_, document) => JSON.stringify(documentMark(document)));
    expect(new Set(marks).size).toBe(MARKED_DOCUMENTS);
  });

  it('gives the first eight other hues and other textures', () => {
    const marks = Array.from({ length: 8 }, (_, document) => documentMark(document));
    expect(new Set(marks.map(({ hue }) => hue)).size).toBe(8);
    expect(new Set(marks.map(({ texture }) => texture)).size).toBe(8);
  });
});
