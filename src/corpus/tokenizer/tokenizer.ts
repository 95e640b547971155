import { Tokenizer } from '@huggingface/tokenizers';
import { CorpusError } from '../errors.ts';
import { PREFIXES, type Prefixes } from '../prefixes.ts';
import { forLibrary } from './libraryLimits.ts';
import { isRecord, tokenContent } from './tokenContent.ts';
import { byteLevelSpans, byteLevelText, literalSpans } from './tokenOffsets.ts';
import type { Span } from './tokenOffsets.ts';

/** The two files that define a tokenizer, parsed. Plain JSON, so they can be stored, sent to a worker and exported. */
export interface TokenizerFiles {
  readonly tokenizerJson: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
}

/** What a model makes of its tokenizer. */
export interface TokenizerUse {
  /** How many tokens the model knows: a text that spells another is refused. Default: all of the tokenizer's. */
  readonly modelTokens?: number;
  /** Default: "query: " and "passage: ". */
  readonly prefixes?: Prefixes | undefined;
}

/** One token for display. `span` is absent for tokens the template adds, and where offsets cannot be known. */
export interface TokenPiece {
  readonly id: number;
  readonly text: string;
  readonly span?: Span;
}

/** Special tokens that tokenizer.json puts around every text (a BOS, say). */
export interface AddedSpecials {
  readonly leading: readonly number[];
  readonly trailing: readonly number[];
}

/** Whether `node` or a member of the sequence it describes has the given type. */
function usesType(node: unknown, type: string): boolean {
  if (!isRecord(node)) return false;
  if (node.type === type) return true;
  const members = [node.pretokenizers, node.normalizers].find(Array.isArray) as unknown[] | undefined;
  return members?.some((member) => usesType(member, type)) ?? false;
}

/**
 * Whether no token ever runs from a character into a following space, so that words can be counted one by one. True of
 * GPT-2's rule (built into ByteLevel) and of its descendants, told by their clause for trailing white space.
 */
function cutsBeforeSpaces(preTokenizer: unknown): boolean {
  const source = JSON.stringify(preTokenizer);
  const knownRule = source.includes(JSON.stringify('\\s+(?!\\S)').slice(1, -1)) || source.includes('"use_regex":true');
  return knownRule && !source.includes('"add_prefix_space":true');
}

/** @throws CorpusError in place of whatever the library throws at files that contradict themselves. */
function orInvalid<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CorpusError) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new CorpusError('invalid-tokenizer', `This tokenizer.json cannot be used: ${cause.slice(0, 300)}.`);
  }
}

/** Far beyond every vocabulary there is: the library makes a list as long as the largest id. */
const LARGEST_ID = 2 ** 24;
const isId = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_ID;

/** Largest id of a vocabulary, tokens that are added to it left out; undefined where it is of a kind without ids. */
function largestOwnId(vocabulary: unknown, added: ReadonlyMap<number, unknown>): number | undefined {
  if (!isRecord(vocabulary)) return undefined;
  let largest = -1;
  for (const id of Object.values(vocabulary)) if (isId(id) && id > largest && !added.has(id)) largest = id;
  return largest;
}

/** @throws CorpusError for tokens without text, or whose ids are not small whole numbers. */
function checkTokens(vocabulary: unknown, added: unknown): void {
  const own: unknown[] = isRecord(vocabulary) ? Object.values(vocabulary) : [];
  const others: unknown[] = Array.isArray(added) ? added : [];
  if (
    !own.every(isId) ||
    !others.every((token) => isRecord(token) && isId(token.id) && typeof token.content === 'string')
  )
    throw new CorpusError(
      'invalid-tokenizer',
      `tokenizer.json has a token without text, or whose id is not a whole number from 0 to ${LARGEST_ID}.`,
    );
}

const COUNT_CACHE_LIMIT = 200_000;

/** Text ↔ token ids, for every tokenizer that tokenizer.json can describe: word-level, our own BPE, checkpoints. */
export class TextTokenizer {
  readonly eosId: number;
  /** Ends a retriever's row: what tokenizer.json itself puts behind every text (embedding models), else the EOS. */
  readonly ending: readonly number[];
  /** Fills short rows; the EOS where the tokenizer names no pad token. Rows are masked by length, not by this id. */
  readonly padId: number;
  /** Largest id + 1: the rows of an embedding table that has one for every token. */
  readonly vocabularySize: number;
  /** The same without added tokens that no text becomes unless it spells them: the rows an embedding table needs at least. */
  readonly neededRows: number;
  readonly specials: AddedSpecials;
  private readonly inner: Tokenizer;
  private readonly kind: 'byte-level' | 'word-level' | 'other';
  private readonly nfc: boolean;
  private readonly cutsBeforeSpaces: boolean;
  private readonly literal: ReadonlySet<string>;
  private readonly wordCounts = new Map<string, number>();
  /** Of the few prefixes that there are. */
  private readonly beginnings = new Map<string, readonly number[]>();

  /** What the retriever's texts begin with: an embedding model's own words, where it has some. */
  readonly prefixes: Prefixes;
  private readonly modelTokens: number;

  /**
   * @throws CorpusError `invalid-tokenizer` when the files cannot be used or name no EOS token.
   */
  constructor(
    readonly files: TokenizerFiles,
    { modelTokens = Infinity, prefixes = PREFIXES }: TokenizerUse = {},
  ) {
    this.modelTokens = modelTokens;
    this.prefixes = prefixes;
    const { tokenizerJson, tokenizerConfig } = files;
    const model = tokenizerJson.model;
    if (!isRecord(model)) {
      throw new CorpusError('invalid-tokenizer', 'tokenizer.json has no "model". Choose the file of a fast tokenizer.');
    }
    // @huggingface/tokenizers 0.2.0 looks for the unknown token of a word-level model in the configuration only, and
    // otherwise gives undefined for every unknown word.
    const unknown = tokenContent(tokenizerConfig.unk_token) ?? tokenContent(model.unk_token);
    const config = unknown === undefined ? { ...tokenizerConfig } : { ...tokenizerConfig, unk_token: unknown };
    checkTokens(model.vocab, tokenizerJson.added_tokens);
    // The constructor writes added tokens into the vocabulary it is given, so it gets its own copy.
    this.inner = orInvalid(() => new Tokenizer(forLibrary(tokenizerJson), config));
    const eosId = this.configuredId('eos_token');
    if (eosId === undefined) {
      throw new CorpusError(
        'invalid-tokenizer',
        'No file of this tokenizer names an end token (eos_token) that is in its vocabulary, and the retriever needs one to end its texts. ' +
          'It may stand in tokenizer_config.json, special_tokens_map.json, config.json or generation_config.json.',
      );
    }
    this.eosId = eosId;
    this.padId = this.configuredId('pad_token') ?? eosId;
    let largest = 0;
    for (const id of this.inner.get_vocab().values()) largest = Math.max(largest, id);
    this.vocabularySize = largest + 1;
    const added = this.inner.get_added_tokens_decoder();
    this.literal = new Set(Array.from(added.values(), (token) => token.content));
    const { normalizer, pre_tokenizer: preTokenizer } = tokenizerJson;
    this.nfc = orInvalid(() => usesType(normalizer, 'NFC'));
    const byteLevel = model.type === 'BPE' && orInvalid(() => usesType(preTokenizer, 'ByteLevel'));
    this.kind = byteLevel ? 'byte-level' : model.type === 'WordLevel' ? 'word-level' : 'other';
    this.cutsBeforeSpaces = byteLevel && orInvalid(() => cutsBeforeSpaces(preTokenizer));
    this.specials = orInvalid(() => this.findSpecials());
    const { leading, trailing } = this.specials;
    this.ending = trailing.length > 0 ? trailing : [eosId];
    const own = largestOwnId(model.vocab, added) ?? largest;
    this.neededRows = Math.max(own, eosId, ...leading, ...trailing) + 1;
  }

  /** Ids with the special tokens of tokenizer.json's template, as the checkpoint's own code would give. */
  encode(text: string): number[] {
    return orInvalid(() => this.checked(this.inner.encode(text).ids, text));
  }

  /** Ids of the text alone, without the template's special tokens. */
  encodeBare(text: string): number[] {
    return orInvalid(() => this.checked(this.inner.encode(text, { add_special_tokens: false }).ids, text));
  }

  /** Ids that stand before a text with this prefix: the template's begin, and those of the prefix alone. */
  before(prefix: string): readonly number[] {
    let ids = this.beginnings.get(prefix);
    if (!ids) {
      ids = [...this.specials.leading, ...(prefix === '' ? [] : this.encodeBare(prefix))];
      this.beginnings.set(prefix, ids);
    }
    return ids;
  }

  /** How many tokens the text alone has. Fast for the usual byte-level BPEs: counts of words are kept. */
  countTokens(text: string): number {
    return orInvalid(() => this.count(text));
  }

  private count(text: string): number {
    const { pre_tokenizer: split, model, normalizer } = this.inner;
    if (!this.cutsBeforeSpaces || !split || !model || this.containsAdded(text)) return this.encodeBare(text).length;
    let count = 0;
    for (const word of (normalizer ? normalizer(text) : text).split(/(?<=\S)(?= \S)/)) {
      let length = this.wordCounts.get(word);
      if (length === undefined) {
        const tokens = word === '' ? [] : model.encode(split(word));
        // Some vocabularies lack bytes, and unknown ones may become one token across words: only the whole text can tell.
        if (tokens.some((token) => this.literal.has(token))) return this.encodeBare(text).length;
        length = tokens.length;
        if (this.wordCounts.size >= COUNT_CACHE_LIMIT) this.wordCounts.clear();
        this.wordCounts.set(word, length);
      }
      count += length;
    }
    return count;
  }

  /** The tokens of `encode(text)` with readable text and, where the tokenizer allows it, their place in the text. */
  pieces(text: string): TokenPiece[] {
    const { ids, tokens } = orInvalid(() => this.inner.encode(text, { add_special_tokens: false }));
    this.checked(ids, text);
    const spans =
      this.kind === 'byte-level'
        ? byteLevelSpans(text, tokens, this.literal, this.nfc)
        : this.kind === 'word-level'
          ? literalSpans(text, tokens)
          : undefined;
    const body = ids.map((id, i): TokenPiece => {
      const span = spans?.[i];
      const piece = { id, text: this.readable(tokens[i] ?? '') };
      return span ? { ...piece, span } : piece;
    });
    return [...this.specialPieces(this.specials.leading), ...body, ...this.specialPieces(this.specials.trailing)];
  }

  /** Text of one token id, for display; bytes that are no whole character are shown as ⟨E2 80⟩. */
  tokenText(id: number): string {
    const token = this.inner.id_to_token(id);
    return token === undefined ? `⟨${id}⟩` : this.readable(token);
  }

  /** Text of the ids; special tokens are left out unless `keepSpecial`. */
  decode(ids: readonly number[], { keepSpecial = false } = {}): string {
    return ids.length === 0 ? '' : orInvalid(() => this.inner.decode([...ids], { skip_special_tokens: !keepSpecial }));
  }

  private readable(token: string): string {
    return this.kind === 'byte-level' && !this.literal.has(token) ? byteLevelText(token) : token;
  }

  private specialPieces(ids: readonly number[]): TokenPiece[] {
    return ids.map((id) => ({ id, text: this.inner.id_to_token(id) ?? '' }));
  }

  private containsAdded(text: string): boolean {
    for (const token of this.literal) if (text.includes(token)) return true;
    return false;
  }

  private configuredId(key: 'eos_token' | 'pad_token'): number | undefined {
    const content = tokenContent(this.files.tokenizerConfig[key]);
    return content === undefined ? undefined : this.inner.token_to_id(content);
  }

  private findSpecials(): AddedSpecials {
    const bare = this.inner.tokenize('a');
    const full = this.inner.tokenize('a', { add_special_tokens: true });
    const start = full.findIndex((_, i) => bare.every((token, j) => full[i + j] === token));
    if (bare.length === 0 || start < 0) return { leading: [], trailing: [] };
    const ids = (tokens: string[]): number[] => tokens.flatMap((token) => this.inner.token_to_id(token) ?? []);
    return { leading: ids(full.slice(0, start)), trailing: ids(full.slice(start + bare.length)) };
  }

  private checked(ids: (number | undefined)[], text: string): number[] {
    const beyond = ids.find((id) => isId(id) && id >= this.modelTokens);
    if (beyond !== undefined)
      throw new CorpusError(
        'invalid-tokenizer',
        `The text holds “${this.tokenText(beyond)}”, which is a token of its own (${beyond}) that the model does not know: it knows ${this.modelTokens}. Remove it from the text.`,
      );
    const missing = ids.findIndex((id) => !isId(id));
    if (missing < 0) return ids as number[];
    const excerpt = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    throw new CorpusError(
      'invalid-tokenizer',
      `The tokenizer has no token for a part of "${excerpt}" and no unknown token to put in its place. ` +
        'Choose a tokenizer with byte fallback or an unknown token.',
    );
  }
}
