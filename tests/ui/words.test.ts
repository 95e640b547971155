import { describe, expect, it } from 'vitest';
import { bytes, compact, count, decimal, whole } from '../../src/ui/components/format.ts';
import { configure } from '../../src/settings/configuration.ts';
import { runInWords } from '../../src/ui/shell/runInWords.ts';
import { isRunRecord } from '../../src/ui/state/history/recorded.ts';
import { Rate } from '../../src/ui/state/history/rate.ts';

describe('numbers in words', () => {
  it.each([
    [0.8123, '0.81'],
    [0, '0.00'],
    [0.0001, '0.0001'],
    [0.00456, '0.0046'],
    [1e-7, '1.0e−7'],
    [123.4, '123'],
    [-1370.2, '−1\u2009370'],
    [NaN, '–'],
  ])('decimal %d → %s', (value, text) => {
    expect(decimal(value)).toBe(text);
  });

  it('shortens large numbers and bytes', () => {
    expect([compact(23.94), compact(21300), compact(0.5)]).toEqual(['23.9', '21.3k', '0.5']);
    expect([bytes(999), bytes(13.4e6), bytes(700e3), bytes(2.5e9)]).toEqual(['999 B', '13.4 MB', '700 kB', '2.5 GB']);
    expect([whole(1234567), count(1, 'chunk'), count(12, 'chunk')]).toEqual([
      '1\u2009234\u2009567',
      '1 chunk',
      '12 chunks',
    ]);
  });
});

describe('Rate', () => {
  it('counts events of the last two seconds', () => {
    const rate = new Rate();
    for (let time = 0; time <= 4000; time += 50) rate.count(time);
    expect(rate.perSecond(4000)).toBeCloseTo(20);
  });

  it('knows the rate of slow runs', () => {
    const rate = new Rate();
    [0, 5000, 10_000].forEach((time) => rate.count(time));
    expect(rate.perSecond(12_500)).toBeCloseTo(0.2);
    rate.clear();
    expect(rate.perSecond(12_500)).toBe(0);
  });
});

describe('isRunRecord', () => {
  it('takes runs, and nothing else that a server may answer', () => {
    const run = { version: 1, configuration: {}, corpus: {}, metrics: [{}], snapshots: [{}], evaluations: [] };
    expect(isRunRecord(run)).toBe(true);
    for (const other of [null, 'page', [], {}, { ...run, version: 2 }, { ...run, metrics: [] }]) {
      expect(isRunRecord(other)).toBe(false);
    }
  });
});

describe('a run in a few words', () => {
  it('says what is trained: whole models, or adapters of a rank', () => {
    const checkpoint = { base: 'checkpoint', checkpoint: 'a/b', rank: 8 } as const;
    expect(runInWords(configure({ ...checkpoint, trained: 'lora' }))).toContain('LoRA r 8');
    const whole = runInWords(configure({ ...checkpoint, trained: 'full' }));
    expect(whole).toEqual(expect.arrayContaining(['a/b', 'trained whole']));
    expect(whole.join()).not.toContain('LoRA');
    expect(runInWords(configure({ trained: 'lora', rank: 4 }))).toContain('LoRA r 4');
    expect(runInWords(configure({ trained: 'lora', loraTargets: 'v,q' }))).toContain('LoRA r 8 on q, v');
    expect(runInWords(configure({ trained: 'lora', loraDropout: 0.1 }))).toContain('LoRA r 8, dropout 0.1');
  });
});
