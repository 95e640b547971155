// Numbers rounded to what 16 bits hold (IEEE 754 binary16: 11 significant bits, up to 65504), to nearest, ties to even; still as 32 bits.
//
// By hand, since WGSL leaves open how quantizeToF16 and conversions to f16 round: SwiftShader cuts digits off, other devices round, and what
// they make of numbers below 2⁻¹⁴ differs too. Converting what is rounded here is exact everywhere. Numbers below 2⁻¹⁴ become zero;
// what 16 bits cannot hold, and what was no finite number before, becomes none, so that somebody notices.

const HALF_LEAST = 0x38800000u; // 2⁻¹⁴
const HALF_BEYOND = 0x477ff000u; // 65520: rounds to more than 65504
const NOT_FINITE = 0x7f800000u;

fn roundedToHalf(numbers: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(numbers);
  let size = bits & vec4u(0x7fffffffu);
  let nearest = (bits + 0xfffu + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u);
  let held = select(nearest, bits | vec4u(NOT_FINITE), size >= vec4u(HALF_BEYOND));
  return bitcast<vec4f>(select(held, vec4u(), size < vec4u(HALF_LEAST)));
}
