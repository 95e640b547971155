// Reading frozen weights exactly as they are stored. WEIGHT_FORMAT: 0 = f32, 1 = bf16, 2 = f16 (two to a word, low half first).
// A bf16 is the upper half of an f32, so widening it is exact; unpack2x16float is core WGSL and needs no shader-f16.

override WEIGHT_FORMAT: u32 = 0u;

/// Two packed numbers of a 16-bit format as f32.
fn unpackPair(word: u32) -> vec2f {
  if (WEIGHT_FORMAT == 1u) {
    return vec2f(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u));
  }
  return unpack2x16float(word);
}
