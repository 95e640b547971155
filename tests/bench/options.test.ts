import { expect, test } from 'vitest';
import { parseOptions, UsageError } from '../../bench/options.ts';

test('without arguments every table is wanted but memory, and the adapter decides on the shapes', () => {
  expect(parseOptions([])).toEqual({ help: false, only: [], quick: undefined, json: false, memory: undefined });
});

test('reads all options', () => {
  const args = ['--only', 'step', '--only', 'bytes', '--quick', '--json', '--memory', '2000'];
  expect(parseOptions(args)).toEqual({ help: false, only: ['step', 'bytes'], quick: true, json: true, memory: 2000 });
  expect(parseOptions(['--full']).quick).toBe(false);
  expect(parseOptions(['host', 'step'])).toMatchObject({ help: false, only: ['host', 'step'] });
  expect(parseOptions(['help']).help).toBe(true);
  expect(parseOptions(['--help']).help).toBe(true);
});

test.each([
  [['--only', 'everything'], 'kernels, attention, recording, host, step, bytes, work, memory'],
  [['--memory', '5'], 'from 10'],
  [['--memory', 'long'], 'from 10'],
  [['--quick', '--full'], 'exclude'],
  [['faster'], 'bench -- help'],
  [['--fast'], '--fast'],
])('%j is refused with what would do', (args, message) => {
  const parse = () => parseOptions(args);
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(message);
});
