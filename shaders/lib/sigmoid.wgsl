/// σ(x) = 1 / (1 + e^-x), with an exponential that cannot overflow on either side.
fn sigmoid(x: vec4f) -> vec4f {
  let e = exp(-abs(x));
  return select(e, vec4f(1.0), x >= vec4f()) / (1.0 + e);
}
