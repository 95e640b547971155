import { ShaderCompileError } from './errors.ts';
import { NumberMap } from './numberMap.ts';
import type { ShaderSource } from './shaderSource.ts';

export type Constants = Readonly<Record<string, number | boolean>>;

export interface Pipeline {
  readonly source: ShaderSource;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** A kernel with its constants: the place of a pipeline that is compiled when somebody first waits for it. */
export class CachedPipeline {
  /** Undefined until it is compiled; read at every dispatch, so that a warm step needs no await. */
  ready: Pipeline | undefined;
  #compiling: Promise<Pipeline> | undefined;

  constructor(private readonly compile: () => Promise<Pipeline>) {}

  /** @throws ShaderCompileError with the failing line when the kernel does not compile. */
  get(): Promise<Pipeline> {
    return (this.#compiling ??= this.compile().then((pipeline) => (this.ready = pipeline)));
  }
}

/** Compiled kernels by source and constants; each is compiled once, off the main path. */
export class PipelineCache {
  /**
   * By source (the object: thousands of look-ups a step never touch its text), then by the values of its constants, in the kernel's order;
   * NaN where one is left out.
   */
  #cached = new Map<ShaderSource, NumberMap<CachedPipeline>>();
  #modules = new Map<string, Promise<GPUShaderModule>>();
  #layouts = new Map<string, GPUBindGroupLayout>();
  #values: number[] = [];

  constructor(private readonly device: GPUDevice) {}

  /** The one place of this kernel with these constants. @throws Error for a constant that it does not have. */
  find(source: ShaderSource, constants: Constants): CachedPipeline {
    const { constants: names } = source;
    const values = this.#values;
    let known = 0;
    for (let i = 0; i < names.length; i++) {
      const value = constants[names[i] ?? ''];
      if (value !== undefined) known++;
      values[i] = value === undefined ? NaN : Number(value);
    }
    if (Object.keys(constants).length > known) throw unknownConstant(source, constants);
    let ofSource = this.#cached.get(source);
    if (!ofSource) this.#cached.set(source, (ofSource = new NumberMap()));
    const found = ofSource.get(values, names.length);
    if (found) return found;
    const cached = new CachedPipeline(() => this.#compile(source, constants));
    ofSource.add(values, names.length, cached);
    return cached;
  }

  async #compile(source: ShaderSource, constants: Constants): Promise<Pipeline> {
    const module = await this.#module(source);
    const layout = this.#layout(source);
    const numbers = Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, Number(value)]));
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        label: source.name,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main', constants: numbers },
      });
      return { source, pipeline, layout };
    } catch (cause) {
      throw new ShaderCompileError(source.name, 0, JSON.stringify(numbers), String(cause));
    }
  }

  #module(source: ShaderSource): Promise<GPUShaderModule> {
    let module = this.#modules.get(source.code);
    if (!module) {
      module = this.#checkedModule(source);
      this.#modules.set(source.code, module);
    }
    return module;
  }

  async #checkedModule(source: ShaderSource): Promise<GPUShaderModule> {
    this.device.pushErrorScope('validation');
    const module = this.device.createShaderModule({ label: source.name, code: source.code });
    // Together: a device that goes rejects both, and whoever is not waited for then is nobody's.
    const [info] = await Promise.all([module.getCompilationInfo(), this.device.popErrorScope()]);
    const error = info.messages.find((message) => message.type === 'error');
    if (error)
      throw new ShaderCompileError(source.name, error.lineNum, listing(source.code, error.lineNum), error.message);
    return module;
  }

  // Explicit layouts: an 'auto' layout drops bindings a constant makes unused, and each pipeline would need its own.
  #layout(source: ShaderSource): GPUBindGroupLayout {
    const key = source.bindings.map(({ binding, type }) => `${binding}:${type}`).join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.device.createBindGroupLayout({
        entries: source.bindings.map(({ binding, type }) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          // One group serves dispatches with different parameters: only their place in the uniform buffer differs.
          buffer: { type, hasDynamicOffset: type === 'uniform' },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

function unknownConstant({ name, constants: known }: ShaderSource, constants: Constants): Error {
  const unknown = Object.keys(constants).filter((constant) => !known.includes(constant));
  return new Error(`${name} has no constant ${unknown.join(', ')}.`);
}

/** The lines around `line` (1-based) with numbers, the line itself marked. */
export function listing(code: string, line: number): string {
  const lines = code.split('\n');
  const from = Math.max(0, line - 4);
  return lines
    .slice(from, line + 3)
    .map((text, i) => `${from + i + 1 === line ? '>' : ' '} ${String(from + i + 1).padStart(4)} ${text}`)
    .join('\n');
}
