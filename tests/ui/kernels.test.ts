import { describe, expect, onTestFinished, test } from 'vitest';
import { shaderSource } from '../../src/gpu/shaderLibrary.ts';
import { KERNELS } from '../harness/shaders.ts';
import { kernelsOf } from '../../src/ui/panels/kernels/kernels.svelte.ts';
import { rate, sorted, summed } from '../../src/ui/panels/kernels/rows.ts';
import { Draft } from '../../src/ui/panels/settings/draft.svelte.ts';
import { Requests } from '../../src/ui/state/requests.svelte.ts';
import { Session } from '../../src/ui/state/session.svelte.ts';
import { readKernel, tokenise } from '../../src/ui/panels/kernels/wgsl.ts';
import { fakeLab, settled } from './fakeLab.ts';

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
  const error = { kind: 'network', message: 'It failed.', action: 'Try again.' } as const;
  const view = { step: 1, measured: true, gpuMs: 2, rows: [] };

  function panel() {
    const lab = fakeLab();
    const session = new Session(new Draft());
    onTestFinished(() => session.close());
    return { lab, session, kernels: kernelsOf(session) };
  }

  test('is asked for before the step is made, and told', async () => {
    const { lab, kernels } = panel();
    void kernels.watch();
    await settled();
    lab.accept();
    await settled();
    expect(lab.sent.map(({ type }) => type)).toEqual(['profileStep', 'configure', 'step']);
    lab.asked('profileStep')[0]?.answer(view);
    lab.rest();
    await settled();
    expect([kernels.view, kernels.waiting]).toEqual([view, false]);
  });

  test('is waited for, whatever else fails meanwhile', async () => {
    const { lab, session, kernels } = panel();
    void kernels.watch();
    const other = new Requests(session);
    void other.ask({ type: 'search', query: 'bread', limit: 1 });
    lab.asked('search')[0]?.fail(error);
    await settled();
    expect(other.errorOf('search')).toEqual(error);
    expect(kernels.waiting).toBe(true);
  });

  test.each(['configure', 'step', 'profileStep'] as const)('is not once %s has failed', async (type) => {
    const { lab, kernels } = panel();
    void kernels.watch();
    if (type === 'step') lab.accept();
    await settled();
    lab.asked(type)[0]?.fail(error);
    await settled();
    expect(kernels.waiting).toBe(false);
  });

  test('is not once the worker has broken', async () => {
    const { lab, kernels } = panel();
    void kernels.watch();
    lab.crash('out of memory');
    await settled();
    expect(kernels.waiting).toBe(false);
  });
});
