import { BadInputError } from '../../../base/errors.ts';

/** A GGUF file that is cut short, contradicts itself, or holds what cannot be run. */
export class GgufError extends BadInputError {
  override readonly name = 'GgufError';
}
