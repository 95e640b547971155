// Reading frozen weights as they are stored. WEIGHT_FORMAT: 0 = f32, 1 = bf16, 2 = f16 (two to a word, low half first),
// 3 = i8 (four to a word, lowest byte first), of which each group of 32 neighbours in a row has a scale in bf16.
// A bf16 is the upper half of an f32, so widening it is exact; unpack2x16float is core WGSL and needs no shader-f16.
// i8: 7 bits times the 8 of a bf16 scale are exact in f32 too. unpack4xI8 would do, but is a language feature of its own.

override WEIGHT_FORMAT: u32 = 0u;

/// log2 of the columns that share a scale.
const GROUP_SHIFT = 5u;

/// Two packed numbers of a 16-bit format as f32.
fn unpackPair(word: u32) -> vec2f {
  if (WEIGHT_FORMAT == 1u) {
    return unpackBf16(word);
  }
  return unpack2x16float(word);
}

fn unpackBf16(word: u32) -> vec2f {
  return vec2f(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u));
}

/// Four packed signed bytes as f32, not yet scaled.
fn unpackBytes(word: u32) -> vec4f {
  return vec4f(bitcast<vec4i>(vec4u(word << 24u, word << 16u, word << 8u, word)) >> vec4u(24u));
}
