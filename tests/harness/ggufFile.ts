import { concatenated } from '../../src/files/formats/safetensors.ts';

/** GGUF's numbers for the types of metadata. */
export const KINDS = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9, u64: 10, i64: 11, f64: 12 } as const; // prettier-ignore
type Kind = keyof typeof KINDS;

/** A value of metadata: its kind, then the value; a list has the kind of what is in it and the values. */
export type Value =
  readonly [Exclude<Kind, 'list'>, unknown] | readonly ['list', Exclude<Kind, 'list'>, readonly unknown[]];

export interface Tensor {
  /** ggml's number of the type. */
  readonly type: number;
  /** [rows, columns] or [length]. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const number = (bytes: number, write: (view: DataView) => void): Uint8Array => {
  const view = new DataView(new ArrayBuffer(bytes));
  write(view);
  return new Uint8Array(view.buffer);
};
const u32 = (value: number) => number(4, (view) => view.setUint32(0, value, true));
const u64 = (value: number | bigint) => number(8, (view) => view.setBigUint64(0, BigInt(value), true));
const text = (value: string): Uint8Array => {
  const bytes = new TextEncoder().encode(value);
  return concatenated([u64(bytes.length), bytes]);
};

function plain(kind: Exclude<Kind, 'list'>, value: unknown): Uint8Array {
  const n = Number(value);
  switch (kind) {
    case 'text':
      return text(String(value));
    case 'bool':
    case 'u8':
    case 'i8':
      return Uint8Array.of(n & 255);
    case 'u16':
    case 'i16':
      return number(2, (view) => view.setUint16(0, n & 0xffff, true));
    case 'u32':
    case 'i32':
      return u32(n >>> 0);
    case 'f32':
      return number(4, (view) => view.setFloat32(0, n, true));
    case 'f64':
      return number(8, (view) => view.setFloat64(0, n, true));
    default:
      return u64(BigInt.asUintN(64, BigInt(value as number)));
  }
}

function encoded(value: Value): Uint8Array {
  if (value[0] !== 'list') return concatenated([u32(KINDS[value[0]]), plain(value[0], value[1])]);
  const [, kind, items] = value;
  return concatenated([
    u32(KINDS.list),
    u32(KINDS[kind]),
    u64(items.length),
    ...items.map((item) => plain(kind, item)),
  ]);
}

const ALIGNMENT = 32;
const padding = (length: number): Uint8Array => new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);

/** A GGUF file of version 3. */
export function ggufBytes(
  metadata: Readonly<Record<string, Value>>,
  tensors: Readonly<Record<string, Tensor>> = {},
): Uint8Array<ArrayBuffer> {
  let offset = 0;
  const entries: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  for (const [name, { type, shape, bytes }] of Object.entries(tensors)) {
    entries.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(offset));
    data.push(bytes, padding(bytes.length));
    offset += bytes.length + padding(bytes.length).length;
  }
  const header = concatenated([
    new TextEncoder().encode('GGUF'),
    u32(3),
    u64(Object.keys(tensors).length),
    u64(Object.keys(metadata).length),
    ...Object.entries(metadata).flatMap(([key, value]) => [text(key), encoded(value)]),
    ...entries,
  ]);
  return concatenated([header, padding(header.length), ...data]);
}

/** Metadata of a tiny model of a family, with a tokenizer of bytes and a few words. */
export function tinyMetadata(architecture = 'llama', changes: Readonly<Record<string, Value | undefined>> = {}) {
  const key = (name: string) => `${architecture}.${name}`;
  const letters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const tokens = ['<|end|>', ...letters, 'Ġ', 'th', 'the', '<tool>', '[PAD99]'];
  const all: Record<string, Value | undefined> = {
    'general.architecture': ['text', architecture],
    'general.name': ['text', 'Tiny'],
    [key('block_count')]: ['u32', 1],
    [key('context_length')]: ['u32', 128],
    [key('embedding_length')]: ['u32', 32],
    [key('feed_forward_length')]: ['u32', 32],
    [key('attention.head_count')]: ['u32', 2],
    [key('attention.head_count_kv')]: ['u32', 1],
    [key('attention.layer_norm_rms_epsilon')]: ['f32', 1e-5],
    [key('rope.freq_base')]: ['f32', 10000],
    'tokenizer.ggml.model': ['text', 'gpt2'],
    'tokenizer.ggml.pre': ['text', 'smollm'],
    'tokenizer.ggml.tokens': ['list', 'text', tokens],
    'tokenizer.ggml.token_type': [
      'list',
      'i32',
      tokens.map((_, id) => (id === 0 ? 3 : id === 98 ? 4 : id === 99 ? 5 : 1)),
    ],
    'tokenizer.ggml.merges': ['list', 'text', ['t h', 'th e']],
    'tokenizer.ggml.eos_token_id': ['u32', 0],
    ...changes,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

/** ggml's numbers of the types that tests write. */
export const TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, Q3_K: 11, IQ4_XS: 23 } as const;

/** f32 numbers that are 0, 1, 2, … times `step`. */
export function ramp(shape: readonly number[], step = 1 / 64): Tensor {
  const length = shape.reduce((product, n) => product * n, 1);
  const numbers = Float32Array.from({ length }, (_, i) => (i % 17) * step);
  return { type: TYPES.F32, shape, bytes: new Uint8Array(numbers.buffer) };
}

/** The tensors of the model that tinyMetadata() tells of, in f32. */
export function tinyTensors(changes: Readonly<Record<string, Tensor | undefined>> = {}): Record<string, Tensor> {
  const all: Record<string, Tensor | undefined> = {
    'token_embd.weight': ramp([100, 32]),
    'output_norm.weight': ramp([32]),
    'blk.0.attn_norm.weight': ramp([32]),
    'blk.0.ffn_norm.weight': ramp([32]),
    'blk.0.attn_q.weight': ramp([32, 32]),
    'blk.0.attn_k.weight': ramp([16, 32]),
    'blk.0.attn_v.weight': ramp([16, 32]),
    'blk.0.attn_output.weight': ramp([32, 32]),
    'blk.0.ffn_gate.weight': ramp([32, 32]),
    'blk.0.ffn_up.weight': ramp([32, 32]),
    'blk.0.ffn_down.weight': ramp([32, 32]),
    ...changes,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Tensor] => entry[1] !== undefined));
}
