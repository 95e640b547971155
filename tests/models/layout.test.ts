import { expect, test } from 'vitest';
import { parseDecoderConfig } from '../../src/models/config.ts';
import { decoderLayout, linearShape, namedParts } from '../../src/models/layout.ts';
import { LLAMA_JSON, QWEN2_JSON, QWEN3_JSON, randomCheckpoint } from '../harness/tinyDecoder.ts';

const qwen = parseDecoderConfig(QWEN2_JSON);
const qwen3 = parseDecoderConfig(QWEN3_JSON);
const llama = parseDecoderConfig(LLAMA_JSON);

test('merged projections list their parts in row order', () => {
  const specs = decoderLayout(qwen, { head: true });
  const spec = (key: string) => specs.find((candidate) => candidate.key === key);
  expect(spec('1.qkv.weight')).toEqual({
    key: '1.qkv.weight',
    role: 'matrix',
    shape: [48, 12],
    parts: [
      { name: 'model.layers.1.self_attn.q_proj.weight', rowOffset: 0, rows: 24 },
      { name: 'model.layers.1.self_attn.k_proj.weight', rowOffset: 24, rows: 12 },
      { name: 'model.layers.1.self_attn.v_proj.weight', rowOffset: 36, rows: 12 },
    ],
  });
  expect(spec('0.qkv.bias')).toMatchObject({
    role: 'bias',
    shape: [48],
    parts: [{ rowOffset: 0 }, { rowOffset: 24 }, { rowOffset: 36 }],
  });
  expect(spec('0.gateUp.weight')).toMatchObject({
    shape: [40, 12],
    parts: [
      { rowOffset: 0, rows: 20 },
      { rowOffset: 20, rows: 20 },
    ],
  });
  expect(spec('0.o.weight')?.shape).toEqual([12, 24]);
  expect(spec('0.down.weight')?.shape).toEqual([12, 20]);
  expect(spec('finalNorm')).toEqual({
    key: 'finalNorm',
    role: 'norm',
    shape: [12],
    parts: [{ name: 'model.norm.weight', rowOffset: 0, rows: 12 }],
  });
  expect(decoderLayout(qwen3, { head: true }).find(({ key }) => key === '1.headNorm')).toEqual({
    key: '1.headNorm',
    role: 'norm',
    shape: [16],
    parts: [
      { name: 'model.layers.1.self_attn.q_norm.weight', rowOffset: 0, rows: 8 },
      { name: 'model.layers.1.self_attn.k_norm.weight', rowOffset: 8, rows: 8 },
    ],
  });
  expect(linearShape(qwen, 'down')).toEqual({ columns: 20, rows: [12] });
});

test.each([
  ['qwen2', qwen],
  ['qwen3', qwen3],
  ['llama', llama],
  ['llama with biases', { ...llama, qkvBias: true, outputBias: true }],
])('%s: every tensor of the checkpoint has one place, of its own size', (_what, config) => {
  const specs = decoderLayout(config, { head: true });
  expect(new Set(specs.map(({ key }) => key)).size).toBe(specs.length);
  const places = specs.flatMap(({ shape, parts }) =>
    parts.map(({ name, rows }) => [name, [rows, ...shape.slice(1)]] as const),
  );
  const checkpoint = randomCheckpoint(config, 1).map(({ name, shape }) => [name, shape] as const);
  const byName = (a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1);
  expect([...places].sort(byName)).toEqual([...checkpoint].sort(byName));
  for (const { shape, parts } of specs) expect(parts.reduce((sum, { rows }) => sum + rows, 0)).toBe(shape[0]);
});

test('a tied head and a retriever have no head; tables are cut into shards', () => {
  const keys = (options: Parameters<typeof decoderLayout>[1], config = llama) =>
    decoderLayout(config, options).flatMap(({ key }) => (/^(head|embedding)/.test(key) ? [key] : []));
  expect(keys({ head: true })).toEqual(['embedding.0', 'head.0']);
  expect(keys({ head: false })).toEqual(['embedding.0']);
  expect(keys({ head: true }, qwen)).toEqual(['embedding.0']);
  const shards = decoderLayout(llama, { head: true, shardRows: 5 }).filter(({ role }) => role === 'embedding');
  expect(shards.map(({ key, shape, parts }) => [key, shape[0], parts[0]?.rowOffset, parts[0]?.rows])).toEqual([
    ['embedding.0', 5, -0, 5],
    ['embedding.1', 5, -5, 5],
    ['embedding.2', 3, -10, 3],
    ['head.0', 5, -0, 5],
    ['head.1', 5, -5, 5],
    ['head.2', 3, -10, 3],
  ]);
});

test('parts follow each other', () => {
  expect(namedParts(['a', 'b', 'c'], [2, 0, 3])).toEqual([
    { name: 'a', rowOffset: 0, rows: 2 },
    { name: 'b', rowOffset: 2, rows: 0 },
    { name: 'c', rowOffset: 2, rows: 3 },
  ]);
});
