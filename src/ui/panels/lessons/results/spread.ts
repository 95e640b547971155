/** Mean of values and their standard deviation (n − 1); the latter is 0 for one value. NaN where a value is missing. */
export function spreadOf(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

/** A number with its decimals, or to its last digit. */
export function numberText(value: number, digits: number | 'exact'): string {
  if (Number.isNaN(value)) return '–';
  const text = digits === 'exact' ? String(value) : fixed(value, digits);
  return text.replace('-', '−');
}

/** Small numbers keep two digits that say something. */
function fixed(value: number, digits: number): string {
  const size = Math.abs(value);
  return size > 0 && size < 0.5 * 10 ** -digits ? value.toExponential(1) : value.toFixed(digits);
}

/** The mean of several runs and their deviation in figures; of one run, or to the last digit, the first value alone. */
export function spreadText(
  values: readonly number[],
  digits: number | 'exact',
): { readonly value: string; readonly deviation?: string } {
  if (digits === 'exact' || values.length === 1) return { value: numberText(values[0] ?? NaN, digits) };
  const { mean, deviation } = spreadOf(values);
  if (Number.isNaN(mean)) return { value: numberText(NaN, digits) };
  return { value: numberText(mean, digits), deviation: numberText(deviation, digits) };
}
