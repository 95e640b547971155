import { expect, test } from 'vitest';
import { shortNumbers } from '../../src/cli/support/shortNumbers.ts';
import { jsonPieces } from '../../src/files/formats/jsonPieces.ts';
import { REVELA_TABLE } from '../../src/objectives/revela/table.ts';

test('a recorded run has the digits that can be seen: by what a number is of', () => {
  const record = {
    metrics: { step: 1234567, ntpLoss: 1.23456789, retrieverGradientNorm: 1.23456789e-9 },
    attention: [0, 0.99712345, 1.4e-7, 0.000123456],
    similarity: [-0.123456789, 1e-6],
    similarityGradient: [-1.23456e-9, 0.0123456],
    tokenLoss: [[2.34567891], [12.3456789]],
  };
  expect(JSON.parse([...jsonPieces(record, shortNumbers(REVELA_TABLE))].join(''))).toEqual({
    // A gradient that is tiny is not none.
    metrics: { step: 1234567, ntpLoss: 1.2346, retrieverGradientNorm: 1.2346e-9 },
    attention: [0, 0.9971, 0, 0.00012],
    similarity: [-0.1235, 0],
    similarityGradient: [-1.23e-9, 0.0123],
    tokenLoss: [[2.346], [12.35]],
  });
});
