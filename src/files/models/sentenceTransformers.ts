import { ModelFileError, readJson, type FileLookup } from '../formats/byteSource.ts';

/** The list of the parts of an embedding model, as sentence-transformers saves it. */
export const MODULES = 'modules.json';
/** How it makes one vector of a text's states. */
export const POOLING_CONFIG = '1_Pooling/config.json';
/** Which words it puts before a text. */
export const PROMPTS_CONFIG = 'config_sentence_transformers.json';

/** What an embedding model says of how it is to be used. */
export interface EmbeddingCard {
  /** What it pools, in our words; undefined where it does not say, or pools in a way that is not here. */
  readonly pooling: 'eos' | 'mean' | 'first' | undefined;
  /** The same as its file says it ("lasttoken"). */
  readonly pooledAs: string | undefined;
  /** What a query begins with, and a passage. */
  readonly queryPrompt: string | undefined;
  readonly passagePrompt: string | undefined;
  /** Parts that come after pooling, scaling to length 1 left out: none of them is here. */
  readonly further: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const POOLING = { lasttoken: 'eos', mean_tokens: 'mean', mean: 'mean', cls_token: 'first', cls: 'first' } as const;
/** The model itself, what is read of its pooling, what is done anyway, and what is taken home from here. */
const KNOWN = ['Transformer', 'Pooling', 'Normalize', 'Retriever'];
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Module {
  readonly type: string;
  readonly path: string;
}

/**
 * What stands before the names of a model's files in its folder: nothing, or where sentence-transformers of old put the model itself
 * into a folder of its own, "0_Transformer/".
 * @throws ModelFileError for a modules.json that names a path out of the folder.
 */
export async function transformerPrefix(files: FileLookup): Promise<string> {
  if (await files('config.json')) return '';
  const inner = (await modulesIn(files)).find(({ type }) => type === 'Transformer')?.path ?? '';
  return inner !== '' && (await files(`${inner}/config.json`)) ? `${inner}/` : '';
}

/** The files of a model, wherever in its folder they are. @throws as `transformerPrefix` */
export async function transformerFiles(files: FileLookup): Promise<FileLookup> {
  const prefix = await transformerPrefix(files);
  return prefix === '' ? files : async (name) => (await files(prefix + name)) ?? files(name);
}

/** What an embedding model says of itself; undefined for a folder that is not one's. @throws ModelFileError */
export async function readEmbeddingCard(files: FileLookup): Promise<EmbeddingCard | undefined> {
  const modules = await modulesIn(files);
  const pooling = await fieldsIn(files, POOLING_CONFIG);
  if (modules.length === 0 && !pooling) return undefined;
  const pooledAs = pooling && pooledIn(pooling);
  const prompts = (await fieldsIn(files, PROMPTS_CONFIG))?.['prompts'];
  const prompt = (...names: string[]) => {
    const found = isFields(prompts) ? names.map((name) => prompts[name]) : [];
    return found.find((value): value is string => typeof value === 'string');
  };
  return {
    pooling: pooledAs !== undefined && pooledAs in POOLING ? POOLING[pooledAs as keyof typeof POOLING] : undefined,
    pooledAs,
    queryPrompt: prompt('query'),
    passagePrompt: prompt('passage', 'document'),
    further: modules.map(({ type }) => type).filter((type) => !KNOWN.includes(type)),
  };
}

/** "lasttoken", "mean_tokens+max_tokens": a name, or in older files a switch for each way. */
function pooledIn(pooling: Fields): string | undefined {
  const named = pooling['pooling_mode'];
  if (typeof named === 'string') return named;
  const prefix = 'pooling_mode_';
  const on = Object.keys(pooling).filter((key) => key.startsWith(prefix) && pooling[key] === true);
  return on.length === 0 ? undefined : on.map((key) => key.slice(prefix.length)).join('+');
}

async function modulesIn(files: FileLookup): Promise<Module[]> {
  if (!(await files(MODULES))) return [];
  const list = await readJson(files, MODULES);
  if (!Array.isArray(list)) throw new ModelFileError(`${MODULES} does not hold a list.`);
  return (list as unknown[]).filter(isFields).map(({ type, path }) => {
    // The type is a class of Python's: sentence_transformers.models.Transformer.
    const own = typeof type === 'string' ? (type.split('.').at(-1) ?? '') : '';
    const where = typeof path === 'string' ? path : '';
    if (where.split('/').includes('..') || /^\/|[\\:]/.test(where))
      throw new ModelFileError(`${MODULES} names a path out of the model’s folder: it is damaged or hostile.`);
    return { type: own, path: where };
  });
}

async function fieldsIn(files: FileLookup, name: string): Promise<Fields | undefined> {
  if (!(await files(name))) return undefined;
  const json = await readJson(files, name);
  return isFields(json) ? json : undefined;
}
