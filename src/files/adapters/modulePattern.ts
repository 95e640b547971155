/** Longer or more deeply nested expressions are not read. */
const LONGEST = 2000;
const DEEPEST = 20;
/** Largest number in {n,m} that is read. */
const MOST_TIMES = 100;

/** Places looked at in one text at most: far beyond what names of modules need. */
const MOST_WORK = 100_000;

/** Takes the set of places in a text where a piece may begin to the set of places where it may end. */
type Matcher = (text: string, starts: ReadonlySet<number>) => ReadonlySet<number>;

/**
 * A regular expression of Python as a test for whole texts (re.fullmatch), as far as names of modules need it: groups,
 * alternatives, classes, repetition, lookahead, ^ and $. Expressions come from strangers and may be made to never end where
 * every way is tried; here sets of places are followed instead, and the work is counted.
 * @returns undefined for an expression that is damaged or uses more (references, lookbehind, flags); the test says undefined
 * where it is too much work
 */
export function modulePattern(expression: string): ((text: string) => boolean | undefined) | undefined {
  if (expression.length > LONGEST) return undefined;
  const work = { left: MOST_WORK };
  const matcher = unlessNotRead(() => new Parser(expression, work).whole());
  if (!matcher) return undefined;
  return (text) => {
    work.left = MOST_WORK;
    return unlessNotRead(() => matcher(text, new Set([0])).has(text.length));
  };
}

function unlessNotRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof NotRead) return undefined;
    throw cause;
  }
}

class NotRead extends Error {}

interface Work {
  left: number;
}

function spend(work: Work, places: ReadonlySet<number>): void {
  work.left -= 1 + places.size;
  if (work.left < 0) throw new NotRead();
}

/** Characters after a backslash that stand for many. */
const SHORTHANDS: Readonly<Record<string, string>> = { d: '\\d', D: '\\D', w: '\\w', W: '\\W', s: '\\s', S: '\\S' };

class Parser {
  #at = 0;
  #depth = 0;

  constructor(
    private readonly source: string,
    private readonly work: Work,
  ) {}

  whole(): Matcher {
    const matcher = this.#alternatives();
    if (this.#at < this.source.length) throw new NotRead();
    return matcher;
  }

  #alternatives(): Matcher {
    if (++this.#depth > DEEPEST) throw new NotRead();
    const all = [this.#sequence()];
    while (this.#take('|')) all.push(this.#sequence());
    this.#depth--;
    return (text, starts) => new Set(all.flatMap((one) => [...one(text, starts)]));
  }

  #sequence(): Matcher {
    const parts: Matcher[] = [];
    while (this.#at < this.source.length && !'|)'.includes(this.#next())) parts.push(this.#repeated());
    return (text, starts) => parts.reduce((places, part) => part(text, places), starts);
  }

  #repeated(): Matcher {
    const part = this.#piece();
    const times = this.#times();
    if (!times) return part;
    // Lazy or greedy makes no difference to whether the whole text fits.
    this.#take('?');
    if (this.#times()) throw new NotRead();
    return repeat(this.work, part, ...times);
  }

  #times(): [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const [counts, least = '', comma, most = ''] = /^\{(\d*)(,?)(\d*)\}/.exec(this.source.slice(this.#at)) ?? [];
    if (counts === undefined) return undefined;
    this.#at += counts.length;
    const from = Number(least);
    const to = comma ? (most === '' ? Infinity : Number(most)) : from;
    if (from > MOST_TIMES || (to !== Infinity && to > MOST_TIMES)) throw new NotRead();
    return [from, to];
  }

  #piece(): Matcher {
    const character = this.#read();
    if (character === '(') return this.#group();
    if (character === '[') return this.#characterClass();
    if (character === '.') return oneOf(this.work, (one) => one !== '\n');
    if (character === '^') return (_text, starts) => new Set(starts.has(0) ? [0] : []);
    if (character === '$') return (text, starts) => new Set(starts.has(text.length) ? [text.length] : []);
    if (character === '\\') return this.#escape();
    if ('*+?{)'.includes(character)) throw new NotRead();
    return oneOf(this.work, (one) => one === character);
  }

  #group(): Matcher {
    if (this.#take('?=')) return look(this.work, this.#closed(), true);
    if (this.#take('?!')) return look(this.work, this.#closed(), false);
    if (!this.#take('?:') && this.#take('?')) {
      const name = /^P<\w+>/.exec(this.source.slice(this.#at))?.[0];
      if (name === undefined) throw new NotRead();
      this.#at += name.length;
    }
    return this.#closed();
  }

  #closed(): Matcher {
    const inner = this.#alternatives();
    if (!this.#take(')')) throw new NotRead();
    return inner;
  }

  /** A class of single characters, whose own small expression cannot take long. */
  #characterClass(): Matcher {
    const text = /^\^?\]?(?:\\.|[^\]\\])*\]/.exec(this.source.slice(this.#at))?.[0];
    if (text === undefined) throw new NotRead();
    this.#at += text.length;
    const [, not = '', first = '', rest = ''] = /^(\^?)(\]?)([^]*)\]$/.exec(text) ?? [];
    let expression: RegExp;
    try {
      expression = new RegExp(`^[${not}${first && '\\]'}${rest.replaceAll('[', '\\[')}]$`);
    } catch {
      throw new NotRead();
    }
    return oneOf(this.work, (one) => expression.test(one));
  }

  #escape(): Matcher {
    const character = this.#read();
    const shorthand = SHORTHANDS[character];
    if (shorthand !== undefined) {
      const expression = new RegExp(`^${shorthand}$`);
      return oneOf(this.work, (one) => expression.test(one));
    }
    if (character === 'b') return (text, starts) => new Set([...starts].filter((at) => isEdge(text, at)));
    if (/[A-Za-z0-9]/.test(character)) throw new NotRead();
    return oneOf(this.work, (one) => one === character);
  }

  #next(): string {
    return this.source[this.#at] ?? '';
  }

  #read(): string {
    if (this.#at >= this.source.length) throw new NotRead();
    return this.source[this.#at++] ?? '';
  }

  #take(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

function oneOf(work: Work, fits: (character: string) => boolean): Matcher {
  return (text, starts) => {
    spend(work, starts);
    const ends = new Set<number>();
    for (const at of starts) if (at < text.length && fits(text[at] ?? '')) ends.add(at + 1);
    return ends;
  };
}

function repeat(work: Work, part: Matcher, least: number, most: number): Matcher {
  return (text, starts) => {
    let places = starts;
    for (let i = 0; i < least && places.size > 0; i++) {
      spend(work, places);
      places = part(text, places);
    }
    const ends = new Set(places);
    // Each round that finds no new place ends it, so there are at most as many as the text has.
    for (let i = least; i < most && places.size > 0; i++) {
      spend(work, places);
      const found = part(text, places);
      places = new Set([...found].filter((at) => !ends.has(at)));
      for (const at of places) ends.add(at);
    }
    return ends;
  };
}

function look(work: Work, part: Matcher, wanted: boolean): Matcher {
  return (text, starts) => {
    spend(work, starts);
    return new Set([...starts].filter((at) => part(text, new Set([at])).size > 0 === wanted));
  };
}

function isEdge(text: string, at: number): boolean {
  const isWord = (character = ''): boolean => /\w/.test(character);
  return isWord(text[at - 1]) !== isWord(text[at]);
}
