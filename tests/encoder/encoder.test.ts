import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTransformers } from '../../src/cli/support/transformers.ts';
import { openEncoder, type Encoder, type TransformersLibrary } from '../../src/encoder/encoder.ts';
import { ModelFileError } from '../../src/files/formats/byteSource.ts';
import { TINY, tinyWith } from './folder.ts';

interface Golden {
  readonly role: 'query' | 'passage';
  readonly text: string;
  readonly tokens: readonly number[];
  readonly mean: readonly number[];
  readonly first: readonly number[];
  readonly eos: readonly number[];
}
const GOLDENS = JSON.parse(await readFile(join(TINY, 'goldens.json'), 'utf8')) as readonly Golden[];
const WIDTH = 8;

let library: TransformersLibrary;
const open: Encoder[] = [];
const opened = async (...[files, options = {}]: [Parameters<typeof openEncoder>[1], object?]): Promise<Encoder> => {
  const encoder = await openEncoder(library, files, { name: 'tiny', ...options });
  open.push(encoder);
  return encoder;
};
beforeAll(async () => {
  library = await loadTransformers();
});
afterAll(async () => {
  for (const encoder of open) await encoder.close();
});

const embedded = async (encoder: Encoder, { role, text }: Golden): Promise<Float32Array> =>
  encoder.embed(role, [text], {});

describe('vectors are those of ONNX Runtime and numpy', () => {
  test.each(['mean', 'first', 'eos'] as const)('pooled by %s, with prompts, cut at 12 tokens', async (pooling) => {
    const modes = { mean: 'mean_tokens', first: 'cls_token', eos: 'lasttoken' };
    const encoder = await opened(tinyWith({ '1_Pooling/config.json': { [`pooling_mode_${modes[pooling]}`]: true } }));
    expect(encoder.card).toMatchObject({ pooling, width: WIDTH, queryPrompt: 'find : ', passagePrompt: 'text : ' });
    expect(encoder.maxTokens).toBe(12);
    for (const golden of GOLDENS) {
      const vector = await embedded(encoder, golden);
      for (const [d, value] of golden[pooling].entries()) expect(vector[d]).toBeCloseTo(value, 5);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    }
  });

  test('says how many texts are longer than what is read', async () => {
    const encoder = await opened(tinyWith());
    const passages = GOLDENS.filter(({ role }) => role === 'passage');
    const longer = passages.filter(({ tokens }) => tokens.length === 12).length;
    const texts = passages.map(({ text }) => text);
    expect(await encoder.countLonger('passage', texts)).toBe(longer);
    expect(await encoder.countLonger('passage', ['sea', ...texts])).toBe(longer);
  });

  test('of one text whatever stands beside it, in the order they came in', async () => {
    const encoder = await opened(tinyWith());
    const texts = GOLDENS.map(({ text }) => text);
    const all = await encoder.embed('passage', texts, {});
    const backwards = await encoder.embed('passage', texts.toReversed(), {});
    for (const [i, text] of texts.entries()) {
      const own = [...(await encoder.embed('passage', [text], {}))];
      expect([...all.subarray(i * WIDTH, (i + 1) * WIDTH)]).toEqual(own);
      const at = texts.length - 1 - i;
      expect([...backwards.subarray(at * WIDTH, (at + 1) * WIDTH)]).toEqual(own);
    }
  });

  test('without prompts where no file names any, and of as many tokens as are wanted', async () => {
    const bare = await opened(tinyWith({ 'config_sentence_transformers.json': {} }), { maxTokens: 40 });
    const [query, passage] = [await bare.embed('query', ['sea'], {}), await bare.embed('passage', ['sea'], {})];
    expect([...query]).toEqual([...passage]);
    const long = GOLDENS.find(({ tokens, role }) => tokens.length === 12 && role === 'passage');
    const whole = await bare.embed('passage', [`text : ${long?.text ?? ''}`], {});
    expect(Math.abs((whole[0] ?? 0) - (long?.mean[0] ?? 0))).toBeGreaterThan(1e-3);
  });

  test('stops between two texts', async () => {
    const encoder = await opened(tinyWith());
    const stop = new AbortController();
    const told: number[] = [];
    const embedding = encoder.embed('passage', ['sea', 'tide', 'fog'], {
      signal: stop.signal,
      onProgress: (fraction) => {
        told.push(fraction);
        if (told.length === 2) stop.abort();
      },
    });
    await expect(embedding).rejects.toMatchObject({ code: 'aborted' });
    expect(told).toEqual([0, 1 / 3]);
    expect((await encoder.embed('query', ['sea'], {})).length).toBe(WIDTH);
  });
});

describe('what cannot be used is said', () => {
  const refused = async (files: Parameters<typeof tinyWith>[0], options: object = {}): Promise<string> => {
    const cause: unknown = await opened(tinyWith(files), options).catch((error: unknown) => error);
    expect(cause).toBeInstanceOf(ModelFileError);
    return (cause as Error).message;
  };
  const json = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(TINY, name), 'utf8')) as Record<string, unknown>;

  test('files that are missing', async () => {
    expect(await refused({ 'tokenizer.json': undefined })).toContain('there is no tokenizer.json');
    expect(await refused({ 'config.json': undefined })).toContain('there is no config.json');
    expect(await refused({ 'onnx/model.onnx': undefined })).toContain('no weights as ONNX');
    expect(await refused({ 'onnx/model.onnx_data': 'x' })).toContain('onnx/model.onnx_data, which is not read here');
  });

  test('weights that are cut off, empty, or something else', async () => {
    const whole = new Uint8Array(await readFile(join(TINY, 'onnx/model.onnx')));
    const cut = await refused({ 'onnx/model.onnx': whole.subarray(0, 3000) });
    expect(cut).toMatch(/onnx\/model\.onnx of tiny cannot be loaded: it was cut off/);
    expect(await refused({ 'onnx/model.onnx': '' })).toContain('is empty');
    expect(await refused({ 'onnx/model.onnx': '<!doctype html><html></html>' })).toContain('is a web page');
    expect(await refused({ 'onnx/model.onnx': 'version https://git-lfs.github.com/spec/v1\noid' })).toContain(
      'LFS pointer',
    );
  });

  test('a tokenizer that does not fit', async () => {
    const config = await json('config.json');
    const rows = config['vocab_size'] as number;
    const larger = { ...(await json('tokenizer.json')), added_tokens: [{ id: rows + 3, content: '[NEW]' }] };
    expect(await refused({ 'tokenizer.json': larger })).toContain(
      `makes ${rows + 4} tokens, and the model of config.json knows ${rows}`,
    );
    expect(await refused({ 'config.json': { ...config, vocab_size: 30_522 } })).toContain('not of the same encoder');
    expect(await refused({ 'tokenizer.json': '{"model"' })).toContain('tokenizer.json is not readable JSON');
    expect(await refused({ 'tokenizer.json': {} })).toContain('has no list of tokens');
  });

  test('a config of another width, another kind of model, another way to pool', async () => {
    const config = await json('config.json');
    expect(await refused({ 'config.json': { ...config, hidden_size: 16 } })).toContain(
      'gives last_hidden_state of shape 1 × 3 × 8, and not a state of 16 numbers for each token',
    );
    expect(await refused({ 'config.json': { ...config, model_type: 'qwen2' } })).toContain('of type qwen2');
    const pooling = '1_Pooling/config.json';
    expect(await refused({ [pooling]: { pooling_mode_max_tokens: true } })).toContain('pools by max_tokens');
    const parts = [...((await json('modules.json')) as unknown as object[]), { path: '2_Dense', type: 'x.Dense' }];
    expect(await refused({ 'modules.json': parts })).toContain('Dense');
    const silent = { [pooling]: undefined, 'modules.json': undefined };
    expect(await refused(silent)).toContain('says how it makes one vector');
    const told = await opened(tinyWith(silent), { pooling: 'eos' });
    const vector = await told.embed('query', ['find : sea'], {});
    const golden = GOLDENS.find(({ text }) => text === 'sea');
    for (const [d, value] of (golden?.eos ?? []).entries()) expect(vector[d]).toBeCloseTo(value, 5);
    expect(await refused({}, { maxTokens: 64 })).toContain('reads 40 tokens of a text at most, not 64');
  });

  test('all-MiniLM-L6-v2 is known to pool by the mean, and a family that wants prompts is told of', async () => {
    const config = await json('config.json');
    const silent = {
      '1_Pooling/config.json': undefined,
      'modules.json': undefined,
      'config_sentence_transformers.json': undefined,
    };
    const named = (name: string) => tinyWith({ ...silent, 'config.json': { ...config, _name_or_path: name } });
    expect((await opened(named('sentence-transformers/all-MiniLM-L6-v2'))).card.pooling).toBe('mean');
    const e5 = await opened(named('intfloat/e5-small-v2'), { pooling: 'mean' });
    expect(e5.card.notices[0]).toContain('expect words before a query');
  });
});
