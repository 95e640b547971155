import { parseShader, resolveIncludes, type ShaderSource } from './shaderSource.ts';

const files = import.meta.glob<string>('/shaders/*/*.wgsl', { query: '?raw', import: 'default', eager: true });
const helpers = new Map<string, string>();
const kernels = new Map<string, string>();
for (const [path, text] of Object.entries(files)) {
  const name = path.replace(/^\/shaders\//, '').replace(/\.wgsl$/, '');
  if (name.startsWith('lib/')) helpers.set(name.slice(4), text);
  else kernels.set(name, text);
}

/** Names of all kernels in a folder. */
export function kernelsIn(folder: string): string[] {
  return [...kernels.keys()].filter((name) => name.startsWith(`${folder}/`)).sort();
}

/** What a device may have beyond WebGPU's defaults, as WGSL enables it. */
export type ShaderFeature = 'f16' | 'subgroups';

/** The name of a kernel in the form that uses a feature, where the device has it. */
export function withFeature(kernel: string, feature: ShaderFeature | undefined): string {
  return feature ? `${kernel}+${feature}` : kernel;
}

const parsed = new Map<string, ShaderSource>();

/**
 * The kernel of `shaders/NAME.wgsl`, includes resolved; of NAME+FEATURE with the helpers' forms for that feature (lib/HELPER.FEATURE.wgsl)
 * in place of the usual ones.
 * @throws Error when there is no such file, or no helper of the kernel has such a form.
 */
export function shaderSource(name: string): ShaderSource {
  let source = parsed.get(name);
  if (!source) {
    const [kernel = '', feature] = name.split('+');
    const text = kernels.get(kernel);
    if (text === undefined) throw new Error(`There is no shaders/${kernel}.wgsl.`);
    source = parseShader(name, feature ? featuredCode(name, text, feature) : resolveIncludes(name, text, helpers));
    parsed.set(name, source);
  }
  return source;
}

function featuredCode(name: string, text: string, feature: string): string {
  const forms = new Map(helpers);
  for (const [helper, form] of helpers) {
    if (helper.endsWith(`.${feature}`)) forms.set(helper.slice(0, -feature.length - 1), form);
  }
  const code = resolveIncludes(name, text, forms);
  if (code === resolveIncludes(name, text, helpers)) throw new Error(`${name}: no helper has a form for ${feature}.`);
  // The first comment says what is computed: `enable` follows it, and precedes all else.
  return code.replace(/^(?!\/\/)/m, `enable ${feature};\n`);
}
