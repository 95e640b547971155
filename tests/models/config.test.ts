import { expect, test } from 'vitest';
import { ModelConfigError, parseDecoderConfig } from '../../src/models/config.ts';
import { rotaryFrequencies } from '../../src/models/rotaryFrequencies.ts';
import { LLAMA_JSON, QWEN2_JSON, QWEN3_JSON } from '../harness/tinyDecoder.ts';

test('a Qwen2 configuration', () => {
  expect(parseDecoderConfig(QWEN2_JSON)).toEqual({
    vocabularySize: 11,
    hiddenSize: 12,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 6,
    intermediateSize: 20,
    ropeTheta: 100,
    ropeScaling: undefined,
    rmsNormEpsilon: 1e-5,
    tieWordEmbeddings: true,
    qkvBias: true,
    outputBias: false,
    headNorm: false,
    nopeLayers: [],
  });
});

test('a Qwen3 configuration, as both transformers 4 and 5 write it', () => {
  const shape = {
    vocabularySize: 11,
    hiddenSize: 12,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    intermediateSize: 20,
    ropeTheta: 100,
    ropeScaling: undefined,
    rmsNormEpsilon: 1e-5,
    tieWordEmbeddings: false,
    qkvBias: false,
    outputBias: false,
    headNorm: true,
    nopeLayers: [],
  };
  const four = {
    ...QWEN3_JSON,
    rope_scaling: null,
    sliding_window: null,
    max_window_layers: 28,
    attention_bias: false,
  };
  expect(parseDecoderConfig(four)).toEqual(shape);
  const { rope_theta, ...rest } = QWEN3_JSON;
  const five = { ...rest, rope_parameters: { rope_theta, rope_type: 'default' }, layer_types: ['full_attention'] };
  expect(parseDecoderConfig(five)).toEqual(shape);
  expect(parseDecoderConfig({ ...QWEN3_JSON, attention_bias: true, tie_word_embeddings: true })).toEqual({
    ...shape,
    tieWordEmbeddings: true,
    qkvBias: true,
    outputBias: true,
  });
  // What transformers takes where it is left out: not width / heads.
  expect(parseDecoderConfig({ ...QWEN3_JSON, head_dim: undefined }).headDim).toBe(128);
});

test('a Llama configuration, with what it leaves out', () => {
  const scaling = { type: 'llama3', factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 3, originalPositions: 30 };
  expect(parseDecoderConfig(LLAMA_JSON)).toMatchObject({
    kvHeads: 1,
    headDim: 4,
    ropeScaling: scaling,
    tieWordEmbeddings: false,
    qkvBias: false,
    outputBias: false,
  });
  expect(parseDecoderConfig({ ...LLAMA_JSON, attention_bias: true })).toMatchObject({
    qkvBias: true,
    outputBias: true,
  });
  const { num_key_value_heads, rope_theta, rms_norm_eps, tie_word_embeddings, rope_scaling, ...bare } = LLAMA_JSON;
  expect(parseDecoderConfig(bare)).toMatchObject({
    kvHeads: 4,
    ropeTheta: 10000,
    rmsNormEpsilon: 1e-6,
    tieWordEmbeddings: false,
    ropeScaling: undefined,
  });
  expect(num_key_value_heads + rope_theta + rms_norm_eps).toBeGreaterThan(0);
  expect(tie_word_embeddings).toBe(false);
  // As transformers 5 writes it: one object for all about rotary positions.
  const rotary = { rope_parameters: { ...rope_scaling, rope_theta: 77 } };
  expect(parseDecoderConfig({ ...bare, ...rotary })).toMatchObject({ ropeTheta: 77, ropeScaling: scaling });
  const plain = { rope_parameters: { rope_type: 'default', rope_theta: 1e6 } };
  expect(parseDecoderConfig({ ...bare, ...plain })).toMatchObject({ ropeTheta: 1e6, ropeScaling: undefined });
  expect(parseDecoderConfig({ ...LLAMA_JSON, rope_scaling: { type: 'default' } }).ropeScaling).toBeUndefined();
  expect(parseDecoderConfig({ ...LLAMA_JSON, rope_scaling: null, head_dim: null })).toMatchObject({ headDim: 4 });
});

const scaled = (change: object) => ({ rope_scaling: { ...LLAMA_JSON.rope_scaling, ...change } });
test.each<[string, object, RegExp]>([
  ['another family', { model_type: 'bert' }, /type "bert" cannot be run; qwen2, qwen3, llama and smollm3 can/],
  ['no family', { model_type: undefined }, /type undefined cannot be run/],
  ...[
    'vocab_size',
    'hidden_size',
    'num_hidden_layers',
    'num_attention_heads',
    'num_key_value_heads',
    'head_dim',
    'intermediate_size',
  ].flatMap((name) =>
    [0, -1, 1.5, '4'].map((value): [string, object, RegExp] => [
      `${name} ${JSON.stringify(value)}`,
      { [name]: value },
      new RegExp(`${name} should be a positive whole number, not ${JSON.stringify(value)}`),
    ]),
  ),
  ['a missing width', { hidden_size: undefined }, /hidden_size should be/],
  ['more heads than the width has numbers', { num_attention_heads: 32, num_key_value_heads: 32 }, /head_dim should be/],
  ['heads that cannot share', { num_key_value_heads: 3 }, /4 query heads cannot share 3 key\/value heads evenly/],
  ['an odd head', { head_dim: 5 }, /head size 5 is odd/],
  ['another activation', { hidden_act: 'gelu' }, /activation "gelu" cannot be run; silu can/],
  ['attention in both directions', { is_causal: false }, /both directions \(is_causal: false\)/],
  ['biases in the MLP', { mlp_bias: true }, /mlp_bias/],
  ['a negative θ', { rope_theta: -1 }, /rope_theta should be a positive number/],
  ['an infinite θ', { rope_theta: Infinity }, /rope_theta should be a positive number/],
  ['ε of 0', { rms_norm_eps: 0 }, /rms_norm_eps should be a positive number/],
  ...['dynamic', 'longrope', 'mrope', 3].map((type): [string, object, RegExp] => [
    `scaling of type ${type}`,
    { rope_scaling: { type, factor: 2 } },
    new RegExp(`type ${JSON.stringify(type)} cannot be run; default, linear, llama3 and yarn can`),
  ]),
  ['scaling that is no object', { rope_scaling: 'llama3' }, /rope_scaling should be an object, not "llama3"/],
  ['linear scaling without a factor', { rope_scaling: { type: 'linear' } }, /factor should be a positive number/],
  [
    'yarn with its two β the wrong way round',
    { rope_scaling: { type: 'yarn', factor: 2, original_max_position_embeddings: 30, beta_fast: 1, beta_slow: 32 } },
    /beta_fast should not be less than beta_slow/,
  ],
  [
    'yarn on waves that are all alike',
    { rope_theta: 1, rope_scaling: { type: 'yarn', factor: 2, original_max_position_embeddings: 30 } },
    /rope_theta should be above 1 for yarn/,
  ],
  [
    'yarn with an mscale in words',
    { rope_scaling: { type: 'yarn', factor: 2, original_max_position_embeddings: 30, mscale: 'a' } },
    /mscale/,
  ],
  ['heads turned in part', scaled({ partial_rotary_factor: 0.5 }), /in part \(partial_rotary_factor\)/],
  [
    'rotation by kinds of layers',
    {
      rope_scaling: null,
      rope_parameters: { full_attention: { rope_theta: 3 }, sliding_attention: { rope_theta: 4 } },
    },
    /differ between kinds of layers/,
  ],
  ['no factor', scaled({ factor: undefined }), /factor should be a positive number/],
  ['low_freq_factor 0', scaled({ low_freq_factor: 0 }), /low_freq_factor should be a positive number/],
  ['high_freq_factor as text', scaled({ high_freq_factor: '4' }), /high_freq_factor should be a positive number/],
  [
    'infinite positions',
    scaled({ original_max_position_embeddings: Infinity }),
    /original_max_position_embeddings should be/,
  ],
  [
    'factors that leave nothing between',
    scaled({ low_freq_factor: 3 }),
    /high_freq_factor should be larger than low_freq_factor/,
  ],
])('%s is refused', (_what, change, message) => {
  const parse = () => parseDecoderConfig({ ...LLAMA_JSON, ...change });
  expect(parse).toThrow(ModelConfigError);
  expect(parse).toThrow(message);
});

test('what is no object is refused', () => {
  for (const json of [null, 3, 'llama', undefined])
    expect(() => parseDecoderConfig(json)).toThrow(/does not hold an object/);
});

test('rotary frequencies fall from 1 by the same factor each', () => {
  // headDim 6, θ = 100: 1, 100^(−1/3), 100^(−2/3).
  const frequencies = rotaryFrequencies(parseDecoderConfig(QWEN2_JSON));
  expect(frequencies).toHaveLength(3);
  [1, 0.215443469, 0.046415888].forEach((value, d) => expect(frequencies[d]).toBeCloseTo(value, 9));
});

test('llama3 scaling keeps fast waves, slows long ones and blends between, as computed by hand', () => {
  // θ^(−2d/8) with θ = 10^4: 1, 0.1, 0.01, 0.001. Waves in 100 positions: 15.915, 1.5915, 0.15915, 0.015915.
  // low 0.1, high 4, factor 8: d = 0 has more than 4 waves and stays; d = 3 has fewer than 0.1 and becomes 0.001 / 8;
  // d = 1: blend (1.5915494 − 0.1) / 3.9 = 0.38244857, 0.1 · (0.38244857 + 0.61755143 / 8) = 0.045964250;
  // d = 2: blend (0.15915494 − 0.1) / 3.9 = 0.015167933, 0.01 · (0.015167933 + 0.984832067 / 8) = 0.0013827194.
  const config = parseDecoderConfig({
    ...LLAMA_JSON,
    head_dim: 8,
    rope_theta: 1e4,
    ...scaled({ factor: 8, low_freq_factor: 0.1, high_freq_factor: 4, original_max_position_embeddings: 100 }),
  });
  const frequencies = rotaryFrequencies(config);
  expect(frequencies[0]).toBe(1);
  expect(frequencies[1]).toBeCloseTo(0.04596425, 8);
  expect(frequencies[2]).toBeCloseTo(0.0013827194, 9);
  expect(frequencies[3]).toBeCloseTo(0.000125, 12);
});

test.each<[string, object, RegExp[]]>([
  ['nothing is said twice', {}, []],
  ['both say the same', { rope_parameters: LLAMA_JSON.rope_scaling }, []],
  [
    'two objects disagree',
    { rope_parameters: { rope_theta: 7, rope_type: 'default' } },
    [/describes rotary positions twice, and differently: rope_scaling is used, .* rope_parameters is not/],
  ],
  [
    'the object that is not used could not be run',
    { rope_parameters: { rope_type: 'dynamic', factor: 2 } },
    [/rope_scaling is used, .* rope_parameters is not/],
  ],
  [
    'an old θ stands outside',
    { rope_scaling: null, rope_parameters: { rope_theta: 7, rope_type: 'default' } },
    [/rope_theta twice: 7 in rope_parameters is used, as in transformers 5, and 50 outside of it is not/],
  ],
  [
    'two names of the type disagree',
    { rope_scaling: { type: 'linear', rope_type: 'default', factor: 2 } },
    [/called "default" by rope_type, which is used, and "linear" by type/],
  ],
])('what is said where %s', (_what, change, messages) => {
  const notes: string[] = [];
  parseDecoderConfig({ ...LLAMA_JSON, ...change }, (message) => notes.push(message));
  expect(notes).toHaveLength(messages.length);
  messages.forEach((message, i) => expect(notes[i]).toMatch(message));
});

test.each<[string, object, RegExp]>([
  [
    'layers within a window',
    { use_sliding_window: true, sliding_window: 8, max_window_layers: 1 },
    /8 tokens wide.* in 1 of its 2 layers/,
  ],
  ['attention of another kind', { layer_types: ['full_attention', 'chunked_attention'] }, /kind "chunked_attention"/],
])('Qwen with %s is refused', (_what, change, message) => {
  expect(() => parseDecoderConfig({ ...QWEN2_JSON, ...change })).toThrow(message);
});

test.each<[string, object]>([
  ['too short', { no_rope_layers: [1] }],
  ['no list', { no_rope_layers: 'all' }],
  ['of other things', { no_rope_layers: [1, 2] }],
])('a list of layers without positions that is %s is refused', (_what, change) => {
  expect(() => parseDecoderConfig({ ...LLAMA_JSON, model_type: 'smollm3', ...change })).toThrow(
    /no_rope_layers should list a 0 or a 1 for each of 2 layers/,
  );
});
