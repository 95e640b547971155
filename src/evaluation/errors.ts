import { BadInputError } from '../base/errors.ts';

/** Collections, judgements and rankings of others that cannot be used, by file and line. Nothing of them is taken. */
export class CollectionError extends BadInputError {
  override readonly name = 'CollectionError';
}

/** Lines that are named one by one; the rest is counted. */
const MOST_NAMED = 5;

/** Lines of files that are not as they should be. */
export class LineProblems {
  readonly #named: string[] = [];
  #count = 0;

  /** @param reason a sentence. */
  add(file: string, line: number, reason: string): void {
    this.#count++;
    if (this.#named.length < MOST_NAMED) this.#named.push(`${file}, line ${line}: ${reason}`);
  }

  get count(): number {
    return this.#count;
  }

  /** A line for each of the first, and how many more there are. */
  get lines(): string[] {
    const more = this.#count - this.#named.length;
    return more > 0 ? [...this.#named, `and ${more} more`] : [...this.#named];
  }

  /** @throws CollectionError where there are any. @param whole what is refused because of them. */
  refuse(whole: string): void {
    if (this.#count === 0) return;
    const lines = this.#count === 1 ? '1 line' : `${this.#count} lines`;
    throw new CollectionError([`${whole} is not read: ${lines} cannot be used.`, ...this.lines].join('\n'));
  }
}
