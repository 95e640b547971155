import { describe, expect, it } from 'vitest';
import { plainName, quoted } from '../../src/base/quote.ts';

describe('what somebody else wrote', () => {
  it('is quoted as JSON has it, and cut', () => {
    expect(quoted('a "b"')).toBe('"a \\"b\\""');
    expect(quoted('x'.repeat(1e7))).toBe(`"${'x'.repeat(80)}…"`);
    expect(quoted('x'.repeat(90), 100)).toBe(`"${'x'.repeat(90)}"`);
    expect(quoted(undefined)).toBe('undefined');
    expect(quoted([1, 'a'])).toBe('[1,"a"]');
    expect(quoted(Array(1e6).fill(0))).toBe('a list of 1000000');
    expect(quoted(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [i, i])))).toBe('an object of 30 fields');
    // A pair of surrogates is not cut in two.
    expect(quoted('ab😀', 3)).toBe('"ab…"');
  });

  it('shows the characters that turn the direction of writing', () => {
    expect(quoted('run\u202egpj.exe')).toBe('"run\\u202egpj.exe"');
    expect(quoted('\u0000\u2066a\u2069')).toBe('"\\u0000\\u2066a\\u2069"');
    expect(plainName('run\u202egpj.exe')).toBe('rungpj.exe');
    expect(plainName('two\nlines\u0007')).toBe('two lines');
    // Hebrew, Arabic and emoji with joiners stay as they are.
    for (const name of ['שלום', 'مرحبا', '👩‍🔬 run']) expect(plainName(name)).toBe(name);
  });
});
