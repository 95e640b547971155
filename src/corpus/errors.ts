import { BadInputError } from '../base/errors.ts';

export type CorpusErrorCode =
  | 'empty-text'
  | 'binary-file'
  | 'too-large'
  | 'unreadable-file'
  | 'unreadable-rows'
  | 'one-chunk'
  | 'batch-too-large'
  | 'invalid-option'
  | 'invalid-tokenizer'
  | 'invalid-collection'
  | 'empty-chunk'
  | 'nothing-to-predict'
  | 'aborted';

/** Bad input to the corpus: `code` for programs, `message` for people (what happened, then what to do). */
export class CorpusError extends BadInputError {
  override readonly name = 'CorpusError';
  constructor(
    readonly code: CorpusErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Throws a CorpusError `invalid-option` unless `value` is an integer in [minimum, maximum]. */
export function requireInteger(name: string, value: number, minimum: number, maximum = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `at least ${minimum}` : `from ${minimum} to ${maximum}`;
  throw new CorpusError('invalid-option', `${name} is ${value}. Choose a whole number ${range}.`);
}
