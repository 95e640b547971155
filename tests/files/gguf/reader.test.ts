import { expect, test } from 'vitest';
import { memorySource, readJson } from '../../../src/files/formats/byteSource.ts';
import { openGguf } from '../../../src/files/formats/gguf/gguf.ts';
import { ggufFolder } from '../../../src/files/models/gguf/ggufFolder.ts';
import { openGgufWeights } from '../../../src/files/models/gguf/ggufWeights.ts';
import { readPackedOrigin } from '../../../src/files/models/gguf/packedOrigin.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import { concatenated } from '../../../src/files/formats/safetensors.ts';
import { ggufBytes, ramp, tinyMetadata, tinyTensors, TYPES, type Value } from '../../harness/ggufFile.ts';
import { CountingSource } from '../mutations.ts';

const file = (
  metadata: Readonly<Record<string, Value | undefined>> = {},
  tensors: Parameters<typeof tinyTensors>[0] = {},
  architecture = 'llama',
) => memorySource('tiny.gguf', ggufBytes(tinyMetadata(architecture, metadata), tinyTensors(tensors)));
const packed = (type: number, bytes: number) => ({ type, shape: [32, 256], bytes: new Uint8Array(bytes) });

test.each<[string, RegExp, () => Promise<unknown>]>([
  ['other files', /does not begin with the letters GGUF/, () => open('A text about something, long enough.')],
  ['an LFS pointer', /is a Git LFS pointer/, () => open('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5')],
  ['an empty file', /is empty/, () => openGguf(memorySource('x.gguf', new Uint8Array()))],
  ['big-endian files', /big-endian/, () => open('GGUF\0\0\0\u0003', 24)],
  ['other versions', /version 9; versions 2 and 3/, () => open('GGUF\u0009\0\0\0', 24)],
  ['counts without room', /claims 18446744073709551615 tensors/, () => openGguf(lying(8, 2n ** 64n - 1n))],
  ['a file cut in its header', /middle of its header/, () => openGguf(memorySource('x.gguf', ggufBytes(tinyMetadata(), tinyTensors()).slice(0, 900)))],
  ['a file cut in its data', /cut short/, () => openGguf(memorySource('x.gguf', ggufBytes(tinyMetadata(), tinyTensors()).slice(0, -400)))],
  ['one part of several', /one of 3 parts/, () => ggufFolder(file({ 'split.count': ['u16', 3] }))],
  ['an alignment of 24', /power of two, not 24/, () => ggufFolder(file({ 'general.alignment': ['u32', 24] }))],
  ['types that are not read', /type IQ4_XS, which is not read.*Q4_K_M/, () => ggufFolder(file({}, { 'blk.0.ffn_up.weight': packed(TYPES.IQ4_XS, 4352) }))],
  ['Q3_K', /type Q3_K, which is not read/, () => ggufFolder(file({}, { 'blk.0.ffn_up.weight': packed(TYPES.Q3_K, 3520) }))],
  ['types without a name', /type number 77/, () => ggufFolder(file({}, { 'blk.0.ffn_up.weight': packed(77, 100) }))],
  ['rows that are no whole blocks', /no whole blocks of Q4_0/, () => ggufFolder(file({}, { 'blk.0.ffn_up.weight': { type: TYPES.Q4_0, shape: [32, 48], bytes: new Uint8Array(1728) } }))],
  ['other architectures', /architecture "gemma3"; llama, qwen2 and qwen3/, () => ggufFolder(file({}, {}, 'gemma3'))],
  ['tensors of other models', /"blk.0.attn_sinks.weight", which the models/, () => ggufFolder(file({}, { 'blk.0.attn_sinks.weight': ramp([2]) }))],
  ['experts', /mixture of experts/, () => ggufFolder(file({ 'llama.expert_count': ['u32', 8] }))],
  ['sizes that differ by layer', /feed_forward_length should be a whole number, not a list/, () => ggufFolder(file({ 'llama.feed_forward_length': ['list', 'u32', [32, 64]] }))],
  ['a missing size', /does not say llama.block_count/, () => ggufFolder(file({ 'llama.block_count': undefined }))],
  ['heads turned in part', /only 8 of the 16 numbers of a head/, () => ggufFolder(file({ 'llama.rope.dimension_count': ['u32', 8] }))],
  ['windows', /sliding-window/, () => ggufFolder(file({ 'llama.attention.sliding_window': ['u32', 16] }))],
  ['other tokenizers', /of the kind "llama"; byte-level BPE/, () => ggufFolder(file({ 'tokenizer.ggml.model': ['text', 'llama'] }))],
  ['unknown rules of cutting', /tokenizer.ggml.pre is "default"; llama-bpe,.*are known/, () => ggufFolder(file({ 'tokenizer.ggml.pre': ['text', 'default'] }))],
  ['no word on cutting', /pre is undefined/, () => ggufFolder(file({ 'tokenizer.ggml.pre': undefined }))],
  ['kinds of other tokens', /100 tokens, but kinds of 3/, () => ggufFolder(file({ 'tokenizer.ggml.token_type': ['list', 'i32', [1, 1, 1]] }))],
  ['factors of another scaling', /factors that are not Llama 3's/, () => ggufFolder(file({}, { 'rope_freqs.weight': ramp([8], 1) }))],
])('%s are refused by name', async (_what, words, read) => {
  await expect(read()).rejects.toMatchObject({ name: 'GgufError', message: expect.stringMatching(words) as string });
}); // prettier-ignore

function open(text: string, bytes = text.length) {
  const all = new Uint8Array(bytes);
  for (let i = 0; i < text.length; i++) all[i] = text.charCodeAt(i);
  return openGguf(memorySource('x.gguf', all));
}

/** A file with a number of 64 bits in its first bytes overwritten. */
function lying(at: number, number: bigint) {
  const bytes = ggufBytes(tinyMetadata(), tinyTensors());
  new DataView(bytes.buffer).setBigUint64(at, number, true);
  return memorySource('lying.gguf', bytes);
}

test('a header that never ends is given up after 32 MiB, and no byte of the data is read for a short one', async () => {
  const bytes = ggufBytes(tinyMetadata('llama', { 'general.description': ['text', 'x'.repeat(9_000_000)] }));
  // The last of the entries says that there are more than follow.
  new DataView(bytes.buffer).setBigUint64(16, 90n, true);
  const endless = new CountingSource('endless.gguf', concatenated([bytes, new Uint8Array(40 * 2 ** 20)]));
  await expect(openGguf(endless)).rejects.toMatchObject({ name: 'GgufError' });
  expect(endless.bytesRead).toBeLessThan(36 * 2 ** 20);
  const header = ggufBytes(tinyMetadata());
  const data = { type: TYPES.F32, shape: [3000, 1000], bytes: new Uint8Array(12e6) };
  const large = new CountingSource('large.gguf', ggufBytes(tinyMetadata(), { 'token_embd.weight': data }));
  await openGguf(large);
  expect(large.bytesRead).toBeLessThan(header.length + 2_100_000);
});

test('text that lies across what is read at a time is not lost without a word', async () => {
  // The list ends behind two million bytes, with its last text across them.
  const long = 'y'.repeat(700_000);
  for (const last of [100_000, 690_000]) {
    const metadata = tinyMetadata('llama', { zz: ['list', 'text', [long, long, 'z'.repeat(last)]] });
    const source = memorySource('long.gguf', ggufBytes(metadata, tinyTensors()));
    const { metadata: read } = await openGguf(source).catch(() => ({ metadata: undefined }));
    const texts = read?.texts('zz');
    expect(texts === undefined || texts[2]?.length === last).toBe(true);
  }
});

test('config.json of a file: the shape, the shortest number, tied or not, and Llama 3’s scaling out of its factors', async () => {
  const scaling = { rope_type: 'llama3', factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
  const metadata = { 'llama.rope.freq_base': ['f32', 500000], 'llama.attention.key_length': ['u32', 16] } as const;
  const plain = await readJson(await ggufFolder(file(metadata)), 'config.json');
  expect(plain).toMatchObject({ model_type: 'llama', vocab_size: 100, head_dim: 16, rms_norm_eps: 1e-5, rope_theta: 500000, tie_word_embeddings: true, rope_scaling: null });
  const wanted = parseDecoderConfig({ ...(plain as object), rope_scaling: scaling });
  const slowed = rotaryFrequencies(wanted);
  const factors = Float32Array.from(rotaryFrequencies(parseDecoderConfig(plain)), (frequency, d) => frequency / slowed[d]!);
  const freqs = { type: TYPES.F32, shape: [8], bytes: new Uint8Array(factors.buffer) };
  const scaled = await readJson(
    await ggufFolder(file(metadata, { 'rope_freqs.weight': freqs, 'output.weight': ramp([100, 32]) })),
    'config.json',
  );
  expect(scaled).toMatchObject({ tie_word_embeddings: false, rope_scaling: scaling });
  expect(parseDecoderConfig(scaled)).toEqual({ ...wanted, tieWordEmbeddings: false });
}); // prettier-ignore

test('rows of q and k come in transformers’ order, whatever stretch is read; Qwen’s as they lie', async () => {
  const weights = await openGgufWeights(file());
  const there = await (await openGgufWeights(file({}, {}, 'qwen2'))).readFloats('model.layers.0.self_attn.q_proj.weight');
  const name = 'model.layers.0.self_attn.q_proj.weight';
  const ours = await weights.readFloats(name);
  // Heads of 16: row i of the first half stands at 2i, of the second at 2(i − 8) + 1.
  for (let row = 0; row < 32; row++) {
    const i = row % 16;
    const from = row - i + (i < 8 ? 2 * i : 2 * (i - 8) + 1);
    expect([...ours.subarray(32 * row, 32 * row + 32)]).toEqual([...there.subarray(32 * from, 32 * from + 32)]);
  }
  const whole = new Uint8Array(ours.buffer);
  for (const [begin, end] of [[0, 4], [4, 132], [1920, 2240], [2044, 2056], [3000, 4096]] as const)
    expect([...(await weights.readBytes(name, begin, end))]).toEqual([...whole.subarray(begin, end)]);
}); // prettier-ignore

test('what a file was packed from: said by the hub, by the file, or by a base of its own name alone', async () => {
  const origin = async (metadata: Readonly<Record<string, Value>>, original?: string) =>
    (await readPackedOrigin(await ggufFolder(file(metadata), original)))?.repository;
  const base = { 'general.base_model.0.repo_url': ['text', 'https://huggingface.co/Qwen/Tiny'] } as const;
  expect(await origin({})).toBeUndefined();
  expect(await origin(base)).toBe('Qwen/Tiny');
  expect(await origin({ ...base, 'general.name': ['text', 'Tiny Instruct'] })).toBeUndefined();
  expect(await origin({ 'general.source.url': ['text', 'https://huggingface.co/owner/name'] })).toBe('owner/name');
  expect(await origin(base, 'hub/says')).toBe('hub/says');
});

test('special tokens: ends, begin where the file says so, padding tokens left out', async () => {
  const folder = await ggufFolder(file({ 'tokenizer.ggml.bos_token_id': ['u32', 0], 'tokenizer.ggml.add_bos_token': ['bool', true], 'tokenizer.ggml.eot_token_id': ['u32', 98] }));
  expect(await readJson(folder, 'generation_config.json')).toEqual({ eos_token_id: [0, 98] });
  const json = (await readJson(folder, 'tokenizer.json')) as { added_tokens: { id: number; special: boolean }[]; model: { vocab: object }; post_processor: object };
  expect(json.added_tokens.map(({ id, special }) => [id, special])).toEqual([[0, true], [98, false]]);
  expect(Object.keys(json.model.vocab)).not.toContain('[PAD99]');
  expect(json.post_processor).toMatchObject({ single: [{ SpecialToken: { id: '<|end|>' } }, { Sequence: { id: 'A' } }] });
}); // prettier-ignore
