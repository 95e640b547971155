// The operands of a matrix product rounded to 16 bits and held so: half the workgroup memory, and half of what is read from it. Sums are of
// 32 bits. As halves.wgsl with HALF, to the bit.

//!include halfRounding

override HALF: bool = true;

alias Operands = vec4<f16>;

fn narrowed(numbers: vec4f) -> Operands {
  return Operands(roundedToHalf(numbers));
}

fn widened(operands: Operands) -> vec4f {
  return vec4f(operands);
}
