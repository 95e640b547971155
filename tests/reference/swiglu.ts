/** silu(gate) · up for gateUp [T, 2F], gates in the first F columns, in f64. */
export function swiglu(gateUp: ArrayLike<number>, columns: number): Float64Array {
  return Float64Array.from({ length: gateUp.length / 2 }, (_, i) => {
    const at = Math.floor(i / columns) * 2 * columns + (i % columns);
    const gate = gateUp[at]!;
    return (gate / (1 + Math.exp(-gate))) * gateUp[at + columns]!;
  });
}
