// The operands of a matrix product as they are multiplied: in 32 bits, or with HALF rounded to the numbers that 16 bits hold (IEEE 754
// binary16). Products and sums are of 32 bits in both cases: a product of two such numbers is exact there.
//
// Here they stay in registers and workgroup memory as 32 bits; halves.f16.wgsl is the form for devices that hold 16.

//!include halfRounding

override HALF: bool = false;

alias Operands = vec4f;

fn narrowed(numbers: vec4f) -> Operands {
  if (HALF) {
    return roundedToHalf(numbers);
  }
  return numbers;
}

fn widened(operands: Operands) -> vec4f {
  return operands;
}
