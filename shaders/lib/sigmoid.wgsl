/// σ(x) = 1 / (1 + e^-x), with an exponential that cannot overflow on either side.
fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
