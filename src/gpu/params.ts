import { PARAMS_HEADER_BYTES, type ShaderSource } from './shaderSource.ts';

export type ParamValues = Readonly<Record<string, number>>;

/** Writes a kernel's `Params` struct: groupOffset, then its fields in order, 4 bytes each. @throws Error on a missing or unknown field. */
export function packParams(
  source: ShaderSource,
  groupOffset: readonly [number, number, number],
  values: ParamValues,
  target: DataView,
): void {
  groupOffset.forEach((value, i) => target.setUint32(4 * i, value, true));
  const names = Object.keys(values);
  if (names.length !== source.params.length) {
    const expected = source.params.map(({ name }) => name).join(', ');
    throw new Error(`${source.name} takes the parameters ${expected}; got ${names.join(', ')}.`);
  }
  source.params.forEach(({ name, type }, i) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${source.name}: parameter ${name} is missing.`);
    const at = PARAMS_HEADER_BYTES + 4 * i;
    if (type === 'f32') target.setFloat32(at, value, true);
    else if (type === 'u32') target.setUint32(at, value, true);
    else target.setInt32(at, value, true);
  });
}

export interface GroupPart {
  readonly offset: readonly [number, number, number];
  readonly groups: readonly [number, number, number];
}

/**
 * Cuts a grid of workgroups into at least `parts` pieces (fewer when it has fewer groups), none longer than `limit` on a
 * side. A kernel finds its place again through params.groupOffset.
 */
export function splitGroups(groups: readonly [number, number, number], parts: number, limit: number): GroupPart[] {
  const counts: [number, number, number] = [
    Math.ceil(groups[0] / limit),
    Math.ceil(groups[1] / limit),
    Math.ceil(groups[2] / limit),
  ];
  // Cut the outermost axis that still has groups to give: neighbours in x share the most cached data.
  for (const axis of [2, 1, 0] as const) {
    const have = counts[0] * counts[1] * counts[2];
    if (have >= parts) break;
    counts[axis] = Math.min(groups[axis], Math.ceil((parts / have) * counts[axis]));
  }
  const cuts = (axis: 0 | 1 | 2): [number, number][] =>
    Array.from({ length: counts[axis] }, (_, i) => {
      const from = Math.floor((groups[axis] * i) / counts[axis]);
      return [from, Math.floor((groups[axis] * (i + 1)) / counts[axis]) - from];
    });
  const result: GroupPart[] = [];
  for (const [z, depth] of cuts(2))
    for (const [y, height] of cuts(1))
      for (const [x, width] of cuts(0)) result.push({ offset: [x, y, z], groups: [width, height, depth] });
  return result;
}
