/// Whether a float's bit pattern is a number: WGSL compilers may take NaN and infinity for impossible and drop tests on the
/// values, so we look at the exponent's bits as an integer.
fn isFinite(bits: u32) -> bool {
  return (bits & 0x7f800000u) != 0x7f800000u;
}

/// The bit pattern of +infinity, for results that must read as "not a number we can use".
const INFINITY_BITS = 0x7f800000u;
