/// ln(1 + e^x), with an exponential that cannot overflow on either side, and a series where 1 + e^x would lose what is small.
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  return max(x, 0.0) + select(log(1.0 + e), e - 0.5 * e * e, e < 1e-3);
}
