import { isRecord, tokenContent } from './tokenContent.ts';
import type { TextTokenizer, TokenizerFiles } from './tokenizer.ts';

type Fields = Readonly<Record<string, unknown>>;

/** All files of a checkpoint that speak of special tokens, parsed; undefined where there is none. */
export interface TokenizerSources {
  readonly tokenizerJson: Fields;
  readonly tokenizerConfig?: Fields | undefined;
  readonly specialTokensMap?: Fields | undefined;
  /** config.json. */
  readonly config?: Fields | undefined;
  readonly generationConfig?: Fields | undefined;
}

/** A tokenizer whose configuration names the tokens that any of its files names. */
export interface ResolvedTokenizer {
  readonly files: TokenizerFiles;
  /** Each of these ids ends what a language model generates. */
  readonly endIds: readonly number[];
  /** What the files contradict each other in, and what was made of that: for people. */
  readonly notices: readonly string[];
}

/** A token that a file names. */
interface Named {
  readonly file: string;
  readonly content: string;
}

/**
 * Finds end and padding tokens of a checkpoint: in tokenizer_config.json; else in special_tokens_map.json, where transformers
 * before 5 wrote them; else by the ids in config.json and generation_config.json; an end token at last in what tokenizer.json puts
 * behind every text. A token that tokenizer.json does not have is passed over, and so is padding beyond the model's vocabulary,
 * which nothing here needs. Generated text ends at the ids of
 * generation_config.json, or of config.json where it has none, and at the end token.
 */
export function resolveSpecialTokens(sources: TokenizerSources): ResolvedTokenizer {
  const { tokenizerJson, tokenizerConfig = {} } = sources;
  const vocabulary = new Vocabulary(tokenizerJson);
  const rows = sources.config?.vocab_size;
  const modelTokens = typeof rows === 'number' ? rows : Infinity;
  const notices: string[] = [];
  const resolve = (kind: 'eos' | 'pad', word: string, more: readonly Named[] = []): string | undefined => {
    const candidates = [...named(sources, vocabulary, kind), ...more];
    const usable = ({ content }: Named): boolean => {
      const id = vocabulary.idOf(content);
      return id !== undefined && (kind === 'eos' || id < modelTokens);
    };
    const known = candidates.filter(usable);
    const [first] = candidates;
    const [chosen] = known;
    const outcome = chosen ? `${quoted(chosen.content)} of ${chosen.file} is taken` : 'none is taken';
    if (first && first !== chosen) {
      const why =
        vocabulary.idOf(first.content) === undefined
          ? 'tokenizer.json has no such token'
          : 'the model knows no such id';
      notices.push(`${first.file} calls ${quoted(first.content)} the ${word}, but ${why}: ${outcome}.`);
    } else if (chosen && !isOfTokenizer(chosen) && kind === 'eos')
      notices.push(`No file of the tokenizer names an ${word}: ${outcome}.`);
    const rival = known.find((one) => isOfTokenizer(one) && one.content !== chosen?.content);
    if (chosen && rival)
      notices.push(
        `${chosen.file} calls ${quoted(chosen.content)} the ${word}, which is taken, and ${rival.file} ${quoted(rival.content)}.`,
      );
    return chosen?.content;
  };
  const eos = resolve('eos', 'end token', templateEnd(tokenizerJson));
  const pad = resolve('pad', 'padding token');
  const files = {
    tokenizerJson,
    tokenizerConfig: completed(tokenizerConfig, { eos_token: eos, pad_token: pad }),
  };
  const generated = idsIn(sources.generationConfig?.eos_token_id);
  const listed = generated.length > 0 ? generated : idsIn(sources.config?.eos_token_id);
  const eosId = eos === undefined ? undefined : vocabulary.idOf(eos);
  return { files, endIds: [...new Set([...listed, ...(eosId === undefined ? [] : [eosId])])], notices };
}

/** Where add_bos_token and add_eos_token contradict what tokenizer.json does, which is what is done. */
export function templateNotices({ files, specials }: TextTokenizer): string[] {
  const { tokenizerConfig } = files;
  const sides = [
    ['add_bos_token', 'bos_token', 'begin token', 'before', specials.leading],
    ['add_eos_token', 'eos_token', 'end token', 'behind', specials.trailing],
  ] as const;
  return sides.flatMap(([switchName, token, word, place, ids]) => {
    const wanted = tokenizerConfig[switchName];
    if (typeof wanted !== 'boolean' || wanted === ids.length > 0) return [];
    const content = tokenContent(tokenizerConfig[token]);
    const which = content === undefined ? `a ${word}` : `the ${word} ${quoted(content)}`;
    return [
      wanted
        ? `tokenizer_config.json asks for ${which} ${place} every text (${switchName}), but tokenizer.json puts none there: none is put there.`
        : `tokenizer_config.json asks for no ${word} ${place} a text (${switchName}), but tokenizer.json puts one there: it is put there.`,
    ];
  });
}

const isOfTokenizer = ({ file }: Named): boolean =>
  file === 'tokenizer_config.json' || file === 'special_tokens_map.json';

const quoted = (token: string): string => `“${token.slice(0, 60)}”`;

/** What the files name as this token, the one that is believed first at the front. */
function named(sources: TokenizerSources, vocabulary: Vocabulary, kind: 'eos' | 'pad'): Named[] {
  const { tokenizerConfig, specialTokensMap, config, generationConfig } = sources;
  const found: [string, string | undefined][] = [
    ['tokenizer_config.json', tokenContent(tokenizerConfig?.[`${kind}_token`])],
    ['special_tokens_map.json', tokenContent(specialTokensMap?.[`${kind}_token`])],
    ['config.json', vocabulary.contentOf(idsIn(config?.[`${kind}_token_id`])[0])],
    ['generation_config.json', vocabulary.contentOf(idsIn(generationConfig?.[`${kind}_token_id`])[0])],
  ];
  return found.flatMap(([file, content]) => (content === undefined ? [] : [{ file, content }]));
}

/** The ids of a field that holds one or a list of them. */
function idsIn(value: unknown): number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
}

/** The token that the template of tokenizer.json puts at the end of every text. */
function templateEnd({ post_processor: node }: Fields): Named[] {
  const steps: readonly unknown[] = isRecord(node) && Array.isArray(node.processors) ? node.processors : [node];
  for (const step of steps) {
    if (!isRecord(step) || step.type !== 'TemplateProcessing' || !Array.isArray(step.single)) continue;
    const last: unknown = step.single.at(-1);
    const token = isRecord(last) && isRecord(last.SpecialToken) ? last.SpecialToken.id : undefined;
    if (typeof token === 'string') return [{ file: 'tokenizer.json', content: token }];
  }
  return [];
}

/** The configuration itself where it says all this already. */
function completed(config: Fields, tokens: Readonly<Record<string, string | undefined>>): Fields {
  const changes = Object.entries(tokens).filter(([key, content]) => tokenContent(config[key]) !== content);
  return changes.length === 0 ? config : { ...config, ...Object.fromEntries(changes) };
}

/** Tokens of a tokenizer.json by text and by id. Whether it makes sense, its reader says. */
class Vocabulary {
  readonly #ids = new Map<string, number>();
  readonly #contents = new Map<number, string>();

  constructor({ model, added_tokens: added }: Fields) {
    const own = isRecord(model) ? model.vocab : undefined;
    if (Array.isArray(own)) own.forEach((pair: unknown, id) => Array.isArray(pair) && this.#add(pair[0], id));
    else if (isRecord(own)) for (const [content, id] of Object.entries(own)) this.#add(content, id);
    if (Array.isArray(added))
      for (const token of added as unknown[]) if (isRecord(token)) this.#add(token.content, token.id);
  }

  idOf(content: string): number | undefined {
    return this.#ids.get(content);
  }

  contentOf(id: number | undefined): string | undefined {
    return id === undefined ? undefined : this.#contents.get(id);
  }

  #add(content: unknown, id: unknown): void {
    if (typeof content !== 'string' || typeof id !== 'number') return;
    this.#ids.set(content, id);
    this.#contents.set(id, content);
  }
}
