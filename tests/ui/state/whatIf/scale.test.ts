import { expect, test } from 'vitest';
import { fractionOf, positionOf, scaleOf, STOP, temperatureAt } from '../../../../src/ui/state/whatIf/scale.ts';

const stops = ({ min, max }: { min: number; max: number }): number[] =>
  Array.from({ length: Math.round((max - min) / STOP) + 1 }, (_, i) => Number((min + i * STOP).toFixed(2)));

test('every stop is a temperature of its own that stands there, from 0.0001 to 2', () => {
  const scale = scaleOf([]);
  const temperatures = stops(scale).map((position) => temperatureAt(position, []));
  expect([temperatures[0], temperatures.at(-1)]).toEqual([1e-4, 2]);
  temperatures.forEach((temperature, i) => {
    expect(positionOf(temperature)).toBe(stops(scale)[i]);
    if (i > 0) expect(temperature).toBeGreaterThan(temperatures[i - 1] ?? Infinity);
    expect(Number(temperature.toPrecision(2))).toBe(temperature);
  });
  for (const usual of [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]) expect(temperatures).toContain(usual);
});

test.each([0.1, 0.07, 0.033, 10])('a run’s own τ %d has a stop, whatever it is', (own) => {
  const scale = scaleOf([own]);
  expect(stops(scale)).toContain(positionOf(own));
  expect(temperatureAt(positionOf(own), [own])).toBe(own);
  expect(fractionOf(own, scale)).toBeGreaterThan(0);
  expect(fractionOf(own, scale)).toBeLessThanOrEqual(1);
});
