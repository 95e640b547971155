import { afterEach, expect, test, vi } from 'vitest';
import { readConfiguration, SETTINGS_HELP } from '../../src/cli/support/usage.ts';

afterEach(() => vi.restoreAllMocks());

/** What is said on standard error when these flags are read. */
function notes(flags: Parameters<typeof readConfiguration>[0]): string {
  let said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said += String(text)), true));
  readConfiguration(flags);
  return said;
}

test('a flag that changes nothing is named, with the reason', () => {
  expect(notes({ attention: 'bm25', temperature: '0.5' })).toBe(
    'note: --temperature changes nothing here: This control has no temperature.\n',
  );
  expect(notes({ rank: '4', precision: 'int8', seed: '3' }).match(/--\w+/g)).toEqual(['--precision', '--rank']);
  expect(notes({ autosaveEvery: '5', preset: 'gentle', model: 'folder' })).toContain('--checkpoint-every');
});

test('flags that change something are not', () => {
  expect(notes({ trained: 'lora', rank: '4', temperature: '0.5', groupSize: '4' })).toBe('');
  expect(notes({ source: 'shore', batching: 'random', groupSize: '4' })).toBe('');
  expect(notes({ preset: 'gentle', model: 'folder', precision: 'int8' })).toBe('');
});

test('help says where a setting applies, and what it costs', () => {
  const lines = SETTINGS_HELP.split('\n');
  const help = (flag: string) => lines.find((line) => line.trim().startsWith(`--${flag} `)) ?? '';
  expect(help('rank')).toMatch(/LoRA rank: .*more memory and time\. \[with trained lora\]$/);
  expect(help('seed')).toMatch(/Same seed, same run\.$/);
});
