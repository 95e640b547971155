/** A kernel as read from its .wgsl file: what a dispatch must bind and set. */
export interface ShaderSource {
  readonly name: string;
  /** Complete WGSL, includes resolved. */
  readonly code: string;
  readonly bindings: readonly ShaderBinding[];
  /** Fields of `struct Params`, after the leading `groupOffset: vec3u`; empty when the kernel has no parameters. */
  readonly params: readonly ParamField[];
  /** Names of the `override` constants. */
  readonly constants: readonly string[];
}

export interface ShaderBinding {
  readonly name: string;
  readonly binding: number;
  readonly type: GPUBufferBindingType;
}

export interface ParamField {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

/** Bytes of the params struct before its named fields: groupOffset is a vec3u, and the first scalar shares its 16 bytes. */
export const PARAMS_HEADER_BYTES = 12;

/**
 * Replaces each line `//!include NAME` by `shaders/lib/NAME.wgsl`. A helper may include others; each is taken once.
 * @throws Error for a helper that is not there.
 */
export function resolveIncludes(name: string, code: string, library: ReadonlyMap<string, string>): string {
  const seen = new Set<string>();
  const expand = (source: string, from: string): string =>
    source.replace(/^\/\/!include (\S+)[^\S\n]*$/gm, (_line, helper: string) => {
      if (seen.has(helper)) return '';
      seen.add(helper);
      const text = library.get(helper);
      if (text === undefined)
        throw new Error(`${from} includes ${helper}, but shaders/lib/${helper}.wgsl does not exist.`);
      return expand(text, `lib/${helper}`);
    });
  return expand(code, name);
}

/** Reads bindings, parameters and override constants off a kernel's text. @throws Error where our conventions are broken. */
export function parseShader(name: string, code: string): ShaderSource {
  const text = code.replace(/\/\/.*$/gm, '');
  const bindings: ShaderBinding[] = [];
  for (const match of text.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]+)>\s+(\w+)\s*:/g)) {
    const [, index, access = '', variable = ''] = match;
    const type: GPUBufferBindingType = access.startsWith('uniform')
      ? 'uniform'
      : access.includes('read_write')
        ? 'storage'
        : 'read-only-storage';
    bindings.push({ name: variable, binding: Number(index), type });
  }
  // A binding written in another way would be missing from the layout, and the driver's message about that names no line.
  if (bindings.length !== (text.match(/@binding\b/g)?.length ?? 0))
    throw new Error(`${name}: every binding must be written as @group(0) @binding(N) var<…> name: type.`);
  const numbers = new Set(bindings.map(({ binding }) => binding));
  if (numbers.size !== bindings.length) throw new Error(`${name}: two bindings have the same number.`);
  if (
    bindings.some(
      ({ binding, name: variable, type }) => (type === 'uniform') !== (binding === 0 && variable === 'params'),
    )
  )
    throw new Error(`${name}: binding 0 must be var<uniform> params, and no other may be uniform.`);
  const params: ParamField[] = [];
  const body = /struct Params\s*\{([^}]*)\}/.exec(text)?.[1];
  if (body !== undefined) {
    const fields = body
      .split(',')
      .map((field) => field.trim())
      .filter((field) => field.length > 0)
      .map((field) => field.split(':').map((part) => part.trim()));
    const [first, ...rest] = fields;
    if (first?.[0] !== 'groupOffset' || first[1] !== 'vec3u')
      throw new Error(`${name}: struct Params must begin with groupOffset: vec3u.`);
    for (const [field = '', type = ''] of rest) {
      if (type !== 'u32' && type !== 'i32' && type !== 'f32')
        throw new Error(`${name}: parameter ${field} has type ${type}; only u32, i32 and f32 are packed.`);
      params.push({ name: field, type });
    }
  }
  if (!/groupOffset/.test(text.replace(/struct Params\s*\{[^}]*\}/, '')))
    throw new Error(
      `${name}: a kernel must add params.groupOffset to its workgroup id, so that long dispatches can be split.`,
    );
  const constants = [...text.matchAll(/\boverride\s+(\w+)/g)].map((match) => match[1] ?? '');
  return { name, code, bindings, params, constants };
}
