import { describe as group, expect, it } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import { describe } from '../../../src/ui/state/sentences/sentence.ts';
import { endOf, PROBE_BATCH, probeRecord, reads, record, REVELA, uniform, type RecordOptions } from '../records.ts';

const PARTNERS = reads([2, 3, 0, 1]);

function said(options: RecordOptions, isMoving = false): string {
  const history = new History(REVELA);
  history.add(record(1));
  history.addProbe('heldOut', PROBE_BATCH, probeRecord(1, options));
  return describe({ configuration: configure({}), ...endOf(history), isMoving, order: [0, 1, 2, 3] }).text;
}

group('the sentence on the batch that stays the same', () => {
  it('tells who is read, what partners get beside chance, and what reading saves there', () => {
    const found = { attention: PARTNERS, partnerShare: 0.9, ntpLoss: 1.1 };
    expect(said(found)).toBe(
      'Chunk 1 reads mostly chunk 3 (0.90): they tell the same fact. Partners get 0.90 (by chance 0.33) of the attention; reading saves 0.20 nats per token.',
    );
    // While it moves nobody could read which chunk it is: it counts.
    expect(said(found, true)).toBe(
      '4 of 4 chunks read their partner most; partners get 0.90 (by chance 0.33) of the attention; reading saves 0.20 nats per token.',
    );
  });

  it('says where wording is what groups chunks, and where reading costs', () => {
    expect(
      said({ attention: reads([1, 0, 3, 2]), wordingShare: 0.7, wordingShareByChance: 0.3, ntpLoss: 1.5 }),
    ).toContain(
      'Chunks told in the same wording get 0.70 (by chance 0.30) of the attention, partners 0.20 (by chance 0.33); reading costs 0.20 nats per token.',
    );
    expect(said({ wordingShare: 0.4, wordingShareByChance: 0.3 })).not.toContain('wording');
  });

  it('says where nothing is preferred, and where nothing is saved', () => {
    expect(said({ attention: uniform(4), effectiveDocuments: 3 })).toBe(
      'Each chunk reads all others about alike (3.00 of 3): partners get 0.20 (by chance 0.33) of the attention; reading saves nothing yet.',
    );
    // The mean is as high where one chunk has made up its mind: then it is not said of each.
    const third = 1 / 3;
    const rows = [
      [0, 0.1, 0.8, 0.1],
      [third, 0, third, third],
      [third, third, 0, third],
      [third, third, third, 0],
    ];
    expect(said({ attention: rows.flat(), effectiveDocuments: 2.7 })).toMatch(
      /^Chunk 1 reads mostly chunk 3 \(0\.80\)/,
    );
  });
});
