import { describe, expect, test } from 'vitest';
import { shaderSource } from '../../src/gpu/shaderLibrary.ts';
import { KERNELS } from '../harness/shaders.ts';
import type { LabCommand, LabEvent } from '../../src/lab/door/protocol.ts';
import { kernelsOf } from '../../src/ui/panels/kernels/kernels.svelte.ts';
import { rate, sorted, summed } from '../../src/ui/panels/kernels/rows.ts';
import type { Session } from '../../src/ui/state/session.svelte.ts';
import { readKernel, tokenise } from '../../src/ui/panels/kernels/wgsl.ts';

describe('WGSL', () => {
  test.each(KERNELS)('%s: no character is lost, and its header says what it computes', (name) => {
    const { code } = shaderSource(name);
    expect(
      tokenise(code)
        .map(({ text }) => text)
        .join(''),
    ).toBe(code);
    const text = readKernel(code);
    expect(text.about.length).toBeGreaterThan(0);
    expect(text.about[0]?.text.length).toBeGreaterThan(10);
    expect(text.code).toMatch(/@compute/);
    // The header and the code are all there is: nothing falls between them.
    const letters = (part: string): string => part.replace(/[\s/]/g, '');
    expect(letters(text.about.map((part) => part.text).join('') + text.code)).toBe(letters(code));
  });

  test('tells comments, attributes, keywords, types, numbers and calls apart', () => {
    const code = '@compute fn main() { let x: vec4f = max(1.5, 0x1p-126f); // if var\n}';
    const kinds = Object.fromEntries(tokenise(code).map(({ kind, text }) => [text, kind]));
    expect(kinds).toMatchObject({
      '@compute': 'attribute',
      fn: 'keyword',
      main: 'call',
      let: 'keyword',
      vec4f: 'type',
      max: 'call',
      '1.5': 'number',
      '0x1p-126f': 'number',
      '// if var': 'comment',
    });
  });

  test('names that hold a keyword are no keywords', () => {
    expect(tokenise('format returned u32x').map(({ kind }) => kind)).toEqual(['plain']);
  });

  test('formulas of a header stand by themselves, lines and all', () => {
    const { about } = readKernel(
      '// A softmax,\n//   A = e^S\n//     / sum\n// over rows.\n//\n// More.\n\nconst x = 1;\n',
    );
    expect(about).toEqual([
      { kind: 'words', text: 'A softmax,' },
      { kind: 'formula', text: 'A = e^S\n  / sum' },
      { kind: 'words', text: 'over rows.' },
      { kind: 'words', text: 'More.' },
    ]);
  });

  test('an unfinished block comment is a comment', () => {
    expect(tokenise('/* never ends')).toEqual([{ kind: 'comment', text: '/* never ends' }]);
  });
});

describe('rows', () => {
  const row = (kernel: string, ms: number, calls: number) => ({ kernel, ms, calls, flops: ms * 10, bytes: 1 });
  const rows = [row('b', 1, 5), row('a', 3, 1), row('c', 1, 9)];

  test('their rates are in billions a second', () => {
    expect([rate(2.4e9, 6), rate(2050, 105), rate(0, 1), rate(5, 0)]).toEqual(['400', '< 0.01', '0', '–']);
  });

  test('are sorted by any column, largest first, names from A to Z', () => {
    const by = (key: Parameters<typeof sorted>[1]) => sorted(rows, key).map(({ kernel }) => kernel);
    expect(by('ms')).toEqual(['a', 'b', 'c']);
    expect(by('calls')).toEqual(['c', 'b', 'a']);
    expect(by('kernel')).toEqual(['a', 'b', 'c']);
  });

  test('are added up', () => {
    expect(summed(rows)).toEqual({ calls: 15, ms: 5, flops: 50, bytes: 3 });
  });
});

describe('a step that is to be watched', () => {
  /** What waits for a step of a session that is training, and that session's ear. */
  function waiting() {
    let hear: (event: LabEvent) => void = () => undefined;
    const listen = (listener: (event: LabEvent) => void) => (hear = listener);
    const kernels = kernelsOf({ listen, isBusy: true, send: () => undefined } as unknown as Session);
    kernels.watch();
    const fail = (command?: LabCommand['type']) =>
      hear({
        type: 'error',
        error: { kind: 'network', message: 'It failed.', action: 'Try again.', ...(command && { command }) },
      });
    return { kernels, fail };
  }

  test('is waited for, whatever else fails meanwhile', () => {
    const { kernels, fail } = waiting();
    for (const command of ['downloadModel', 'search', 'saveRun', 'attribute'] as const) fail(command);
    expect(kernels.waiting).toBe(true);
  });

  test.each(['profileStep', 'configure', 'train', 'step', undefined] as const)(
    'is not once %s has failed',
    (command) => {
      const { kernels, fail } = waiting();
      fail(command);
      expect(kernels.waiting).toBe(false);
    },
  );
});
