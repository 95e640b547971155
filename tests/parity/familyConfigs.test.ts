import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ModelConfigError, parseDecoderConfig } from '../../src/models/config.ts';
import { rotaryAmplitude, rotaryFrequencies } from '../../src/models/rotaryFrequencies.ts';

/** What transformers made of a config.json. */
interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly refused?: true;
  readonly frequencies: readonly number[];
  readonly amplitude: number;
  readonly tied: boolean;
  readonly nope: readonly number[];
  readonly sliding: readonly number[];
}

const cases = JSON.parse(readFileSync(join(import.meta.dirname, 'families', 'configs.json'), 'utf8')) as Case[];

test.each(cases.map((one) => [one.name, one] as const))('%s: read as transformers reads it', (_name, one) => {
  const parse = () => parseDecoderConfig(one.config);
  if (one.refused || one.sliding.length > 0) {
    expect(parse).toThrow(ModelConfigError);
    return;
  }
  const config = parse();
  expect(config.nopeLayers).toEqual(one.nope);
  expect(config.tieWordEmbeddings).toBe(one.tied);
  const frequencies = rotaryFrequencies(config);
  expect(frequencies).toHaveLength(one.frequencies.length);
  // Theirs are powers and quotients in float32.
  frequencies.forEach((value, d) => expect(Math.abs(value / one.frequencies[d]! - 1)).toBeLessThan(2e-6));
  expect(rotaryAmplitude(config)).toBeCloseTo(one.amplitude, 9);
});

test('each kind of case is there', () => {
  expect(cases.length).toBeGreaterThanOrEqual(50);
  expect(cases.filter(({ refused }) => refused).length).toBeGreaterThanOrEqual(3);
  expect(cases.filter(({ sliding }) => sliding?.length > 0).length).toBeGreaterThanOrEqual(4);
  expect(cases.filter(({ nope }) => nope?.length > 0).length).toBeGreaterThanOrEqual(5);
  expect(cases.filter(({ amplitude }) => amplitude > 1).length).toBeGreaterThanOrEqual(5);
});
