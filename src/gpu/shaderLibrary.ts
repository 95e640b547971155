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

const parsed = new Map<string, ShaderSource>();

/** The kernel of `shaders/NAME.wgsl`, includes resolved. @throws Error when there is no such file. */
export function shaderSource(name: string): ShaderSource {
  let source = parsed.get(name);
  if (!source) {
    const text = kernels.get(name);
    if (text === undefined) throw new Error(`There is no shaders/${name}.wgsl.`);
    source = parseShader(name, resolveIncludes(name, text, helpers));
    parsed.set(name, source);
  }
  return source;
}
