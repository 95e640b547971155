import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PREFIXES } from '../../src/corpus/prefixes.ts';
import { noticesOf } from '../../src/run/checkpointNotices.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { openPretrained, type Pretrained } from '../../src/run/pretrained.ts';
import { configure } from '../../src/settings/configuration.ts';
import { fileWithHeader, folder } from '../files/helpers.ts';

const CASES = join(import.meta.dirname, 'reported-checkpoints');

const jsonIn = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** The files of a case: those of the base with the case's own over them, and a header of weights. */
function filesOf(name: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const files: Record<string, unknown> = {};
  for (const each of ['base', name])
    for (const file of readdirSync(join(CASES, each)))
      if (file.endsWith('.absent')) files[file.slice(0, -'.absent'.length)] = undefined;
      else {
        const own = jsonIn(join(CASES, each, file));
        files[file] = file === 'tokenizer.json' ? { ...(files[file] as object | undefined), ...own } : own;
      }
  for (const [file, json] of Object.entries(changes)) files[file] = json;
  const header = { 'model.norm.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };
  return {
    ...Object.fromEntries(Object.entries(files).filter(([, json]) => json !== undefined)),
    'model.safetensors': fileWithHeader(header, 4),
  };
}

const open = (name: string, changes?: Record<string, unknown>): Promise<Pretrained> =>
  openPretrained(name, folder(filesOf(name, changes)));

test('every case that is here is looked at below', () => {
  const source = readFileSync(import.meta.filename, 'utf8');
  for (const entry of readdirSync(CASES, { withFileTypes: true }))
    if (entry.isDirectory()) expect(source, entry.name).toContain(`'${entry.name}'`);
  expect(existsSync(join(CASES, 'base', 'tokenizer.json'))).toBe(true);
});

test('the base has nothing to be said of', async () => {
  const { notices, endIds, tokenizer, config } = await open('base');
  expect(notices).toEqual([]);
  expect([tokenizer.eosId, tokenizer.padId, endIds]).toEqual([0, 1, [0]]);
  expect(config.ropeScaling).toBeUndefined();
});

test.each([
  ['c02-v5-null-scaling', 'c02-ref-v5', []],
  ['c05-stale-theta', 'c05-ref', [/rope_theta twice: 50 in rope_parameters is used.*10000 outside of it is not/]],
  ['c01-v5-no-rope-type', 'base', []],
  ['c03-empty-rope-scaling', 'base', []],
  ['c04-sliding-none', 'base', []],
] as const)('%s is the same model as %s', async (name, reference, said) => {
  const [found, expected] = [await open(name), await open(reference)];
  expect(found.config).toEqual(expected.config);
  if (reference !== 'base') expect(found.config).not.toEqual((await open('base')).config);
  expect(found.notices).toHaveLength(said.length);
  said.forEach((message, i) => expect(found.notices[i]).toMatch(message));
});

test('without tokenizer_config.json the end token is that of config.json, which is said', async () => {
  const { tokenizer, notices } = await open('t01-no-tokenizer-config');
  expect([tokenizer.eosId, tokenizer.padId]).toEqual([0, 1]);
  expect(notices).toEqual(['No file of the tokenizer names an end token: “<|endoftext|>” of config.json is taken.']);
  expect(tokenizer.files.tokenizerConfig).toMatchObject({ eos_token: '<|endoftext|>', pad_token: '<|pad|>' });
});

test('an end token that tokenizer_config.json leaves null is that of special_tokens_map.json', async () => {
  const { tokenizer, notices } = await open('t01b-eos-null');
  expect([tokenizer.eosId, tokenizer.padId, notices]).toEqual([0, 1, []]);
});

test('a text that is generated ends at any of a list of ids, wherever the list stands', async () => {
  expect((await open('g01-eos-list')).endIds).toEqual([0, 330]);
  expect((await open('g01-eos-list', { 'generation_config.json': undefined })).endIds).toEqual([0, 330]);
  expect((await open('base', { 'generation_config.json': { eos_token_id: [7, 9] } })).endIds).toEqual([7, 9, 0]);
});

test('padding beyond the vocabulary is passed over, and a text that spells it is refused by name', async () => {
  const { tokenizer, notices, config } = await open('t06-pad-beyond');
  expect([tokenizer.padId, tokenizer.neededRows, tokenizer.vocabularySize]).toEqual([1, 1024, 1025]);
  expect(config.vocabularySize).toBe(1024);
  expect(notices).toEqual([
    'tokenizer_config.json calls “[PAD]” the padding token, but the model knows no such id: “<|pad|>” of config.json is taken.',
  ]);
  expect(tokenizer.encode('a')).toHaveLength(1);
  expect(() => tokenizer.encode('a [PAD] b')).toThrow(/“\[PAD\]”.*\(1024\).*it knows 1024\. Remove it/);
  expect(() => tokenizer.countTokens('a [PAD] b')).toThrow(/Remove it/);
});

test('an end token beyond the vocabulary is refused, and so is another model’s tokenizer', async () => {
  const changes = { 'tokenizer_config.json': { eos_token: '[PAD]' } };
  await expect(open('t06-pad-beyond', changes)).rejects.toThrow(/ids up to 1024, but its model knows 1024 tokens/);
  const small = { 'config.json': { ...jsonIn(join(CASES, 'base', 'config.json')), vocab_size: 900 } };
  await expect(open('base', small)).rejects.toThrow(/ids up to 1023, but its model knows 900 tokens/);
});

test('where add_bos_token and add_eos_token contradict tokenizer.json, that is followed, and it is said', async () => {
  const unwanted = await open('t02-add-bos-false');
  expect(unwanted.tokenizer.specials.leading).toEqual([1]);
  expect(unwanted.notices).toEqual([
    'tokenizer_config.json asks for no begin token before a text (add_bos_token), but tokenizer.json puts one there: it is put there.',
  ]);
  const missed = await open('t02b-add-bos-true-no-template');
  expect(missed.tokenizer.specials).toEqual({ leading: [], trailing: [] });
  expect(missed.notices).toEqual([
    'tokenizer_config.json asks for the begin token “<|pad|>” before every text (add_bos_token), but tokenizer.json puts none there: none is put there.',
    'tokenizer_config.json asks for the end token “<|endoftext|>” behind every text (add_eos_token), but tokenizer.json puts none there: none is put there.',
  ]);
});

test('what is said of a checkpoint stands among the notices of a corpus, with its name', async () => {
  const [languageModel, retriever] = [await open('c05-stale-theta'), await open('t02-add-bos-false')];
  const configuration = configure({ source: 'facts', base: 'checkpoint', checkpoint: 'one', chunks: 4 });
  const { summary } = await setUpCorpus(configuration, { bases: { languageModel, retriever } });
  expect(summary.notices.map((notice) => notice.split(':')[0])).toEqual(['c05-stale-theta', 't02-add-bos-false']);
  const same = await setUpCorpus(configuration, { bases: { languageModel: retriever, retriever } });
  expect(same.summary.notices).toHaveLength(1);
});

test('an embedding model says where a run uses it otherwise than it was made for', async () => {
  const modules = [
    { path: '', type: 'sentence_transformers.models.Transformer' },
    { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
  ];
  const card = {
    'modules.json': modules,
    '1_Pooling/config.json': { pooling_mode_lasttoken: true },
    'config_sentence_transformers.json': { prompts: { query: 'Instruct: find\nQuery:', document: '' } },
  };
  const plain = await open('base');
  const retriever = await open('base', card);
  const run = (changes: object, bases = { languageModel: plain, retriever }) =>
    noticesOf(bases, configure({ base: 'checkpoint', checkpoint: 'one', ...changes }));
  const prompts = 'and so they stand there: "Instruct: find\\nQuery:" before queries and nothing before passages.';
  expect(run({ pooling: 'eos' })).toEqual([expect.stringContaining(prompts)]);
  expect(retriever.tokenizer.prefixes).toEqual({ query: 'Instruct: find\nQuery:', passage: '' });
  expect(plain.tokenizer.prefixes).toBe(PREFIXES);
  expect(run({ pooling: 'mean' })).toEqual([
    expect.stringMatching(/trained on “End token” \(1_Pooling\/config.json\), and this run takes “Mean of tokens”/),
    expect.stringContaining(prompts),
  ]);
  // What pools otherwise than can be done here, and what comes after it.
  const further = [...modules, { path: '2_Dense', type: 'sentence_transformers.models.Dense' }];
  const other = await open('base', {
    'modules.json': further,
    '1_Pooling/config.json': { pooling_mode: 'weightedmean' },
  });
  expect(run({}, { languageModel: plain, retriever: other })).toEqual([
    expect.stringContaining('pools in a way that is not here (weightedmean, 1_Pooling/config.json)'),
    expect.stringContaining('not read: Dense'),
  ]);
});

test('the usual words before a text are no words of its own: of a retriever that was taken home from here', async () => {
  const prompts = { query: PREFIXES.query, document: PREFIXES.passage };
  const home = await open('base', {
    'modules.json': [{ path: '', type: 'revela_retriever.Retriever' }],
    'config_sentence_transformers.json': { prompts },
  });
  expect(home.tokenizer.prefixes).toBe(PREFIXES);
  const bases = { languageModel: home, retriever: home };
  expect(noticesOf(bases, configure({ base: 'checkpoint', checkpoint: 'one' }))).toEqual([]);
});

test('an embedding model as the language model is possible where it is tied, which is said', async () => {
  const body = { 'embed_tokens.weight': { dtype: 'F32', shape: [1, 1], data_offsets: [0, 4] } };
  const bare = await openPretrained(
    'bare',
    folder({ ...filesOf('base'), 'model.safetensors': fileWithHeader(body, 4) }),
  );
  const bases = { languageModel: bare, retriever: bare };
  const configuration = configure({ base: 'checkpoint', checkpoint: 'one' });
  expect(noticesOf(bases, configuration)).toEqual([
    expect.stringMatching(/^bare: It was saved without an output head/),
  ]);
  expect(noticesOf(bases, { ...configuration, objective: 'infoNce' }), 'no language model').toEqual([]);
  expect(noticesOf({ ...bases, languageModel: await open('base') }, configuration), 'a retriever').toEqual([]);
});
