import { ShaderCompileError } from './errors.ts';
import type { ShaderSource } from './shaderSource.ts';

export type Constants = Readonly<Record<string, number | boolean>>;

export interface Pipeline {
  readonly source: ShaderSource;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Compiled kernels, keyed by their whole source and constants; each is compiled once, off the main path. */
export class PipelineCache {
  #pipelines = new Map<string, Promise<Pipeline>>();
  #modules = new Map<string, Promise<GPUShaderModule>>();
  #layouts = new Map<string, GPUBindGroupLayout>();
  #ready = new Map<string, Pipeline>();

  constructor(private readonly device: GPUDevice) {}

  static key(source: ShaderSource, constants: Constants): string {
    return `${source.name}|${Object.entries(constants)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${Number(value)}`)
      .join(',')}|${source.code}`;
  }

  /** The compiled pipeline if it is there already, so that a warm step needs no await per dispatch. */
  peek(key: string): Pipeline | undefined {
    return this.#ready.get(key);
  }

  /** @throws ShaderCompileError with the failing line when the kernel does not compile. */
  get(source: ShaderSource, constants: Constants, key = PipelineCache.key(source, constants)): Promise<Pipeline> {
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(source, constants).then((compiled) => {
        this.#ready.set(key, compiled);
        return compiled;
      });
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  get size(): number {
    return this.#pipelines.size;
  }

  async #compile(source: ShaderSource, constants: Constants): Promise<Pipeline> {
    const unknown = Object.keys(constants).filter((name) => !source.constants.includes(name));
    if (unknown.length > 0) throw new Error(`${source.name} has no constant ${unknown.join(', ')}.`);
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
    const scope = this.device.popErrorScope();
    const info = await module.getCompilationInfo();
    await scope;
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
          buffer: { type },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
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
