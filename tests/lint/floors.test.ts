import { RuleTester } from 'eslint';
import ts from 'typescript-eslint';
import { afterAll, describe, it } from 'vitest';
import floors from '../../eslint/floors.js';

// RuleTester looks for these on itself; without them it would run each case outside any test.
Object.assign(RuleTester, { describe, it, afterAll });

const root = '/project';
const tester = new RuleTester({ languageOptions: { parser: ts.parser, sourceType: 'module' } });

const inFile = (filename: string, code: string) => ({
  name: `${filename}: ${code}`,
  filename: `${root}/${filename}`,
  code,
  options: [{ root }],
});
const forbidden = (filename: string, code: string) => ({
  ...inFile(filename, code),
  errors: [{ messageId: 'forbidden' as const }],
});
const typesOnly = (filename: string, code: string) => ({
  ...inFile(filename, code),
  errors: [{ messageId: 'typesOnly' as const }],
});

tester.run('floors', floors, {
  valid: [
    inFile('src/gpu/pool.ts', "import { f } from './device.ts';"),
    inFile('src/gpu/errors.ts', "import { ReportedError } from '../base/errors.ts';"),
    inFile('src/ui/state/draft.svelte.ts', "import { ReportedError } from '../../base/errors.ts';"),
    inFile('src/gpu/library.ts', "import text from '../../shaders/lib/reduce.wgsl?raw';"),
    inFile('src/ops/gemm.ts', "import text from '/shaders/gemm.wgsl?raw';"),
    inFile('src/ops/gemm.ts', "import { Pool } from '../gpu/pool.ts';"),
    inFile('src/models/decoder.ts', "import { gemm } from '../ops/gemm.ts';"),
    inFile('src/files/decoderFiles.ts', "import { allocateWeights } from '../models/weights.ts';"),
    inFile('src/files/weightFile.ts', "import { fromF16 } from '../ops/halfPrecision.ts';"),
    inFile('src/files/weightFile.ts', "import type { BufferSlice } from '../gpu/pool.ts';"),
    inFile('src/corpus/batches.ts', "import type { Ranking } from '../retrieval/bm25.ts';"),
    inFile('src/retrieval/bm25.ts', "export type { Chunk } from '../corpus/chunk.ts';"),
    inFile('src/objectives/revela.ts', "import type { Batch } from '../corpus/batch.ts';"),
    inFile('src/objectives/revela.ts', "let b: import('../corpus/batch.ts').Batch;"),
    inFile('src/lab/lab.ts', "import { search } from '../retrieval/search.ts';"),
    inFile('src/worker.ts', "import { Lab } from './lab/lab.ts';"),
    inFile('src/cli/main.ts', "import { Lab } from '../lab/lab.ts';"),
    inFile('src/main.ts', "import App from './ui/App.svelte';"),
    inFile('src/ui/App.svelte.ts', "import type { Event } from '../lab/protocol.ts';"),
    inFile('src/ui/start.ts', "import LabWorker from '../worker.ts?worker';"),
    inFile('src/ui/marks.ts', "import { scaleLinear } from 'd3';"),
    inFile('src/vite-env.d.ts', "import '../shaders/x.wgsl?raw';"),
    inFile('tests/ops/gemm.test.ts', "import { gemm } from '../../src/ops/gemm.ts';"),
  ],
  invalid: [
    forbidden('src/base/errors.ts', "import { GpuError } from '../gpu/errors.ts';"),
    forbidden('src/gpu/pool.ts', "import { Tensor } from '../ops/tensor.ts';"),
    forbidden('src/gpu/pool.ts', "import type { Tensor } from '../ops/tensor.ts';"),
    forbidden('src/ops/gemm.ts', "import { Decoder } from '../models/decoder.ts';"),
    forbidden('src/models/decoder.ts', "import { load } from '../files/safetensors.ts';"),
    forbidden('src/models/decoder.ts', "import text from '../../shaders/rope.wgsl?raw';"),
    forbidden('src/ui/help.ts', "import text from '../../shaders/rope.wgsl?raw';"),
    forbidden('src/corpus/batches.ts', "import { Pool } from '../gpu/pool.ts';"),
    forbidden('src/retrieval/search.ts', "import type { Tensor } from '../ops/tensor.ts';"),
    forbidden('src/files/hub.ts', "import type { Run } from '../training/trainer.ts';"),
    forbidden('src/files/safetensors.ts', "import type { Batch } from '../corpus/batch.ts';"),
    forbidden('src/objectives/revela.ts', "import { load } from '../files/hub.ts';"),
    forbidden('src/training/trainer.ts', "import type { Config } from '../lab/config.ts';"),
    forbidden('src/lab/client.ts', "import { store } from '../ui/store.ts';"),
    forbidden('src/lab/client.ts', "import '../worker.ts';"),
    forbidden('src/cli/main.ts', "import { store } from '../ui/store.ts';"),
    forbidden('src/ui/App.svelte.ts', "import type { Tensor } from '../ops/tensor.ts';"),
    forbidden('src/ui/start.ts', "import '../worker.ts';"),
    forbidden('src/cli/main.ts', "import LabWorker from '../worker.ts?worker';"),
    forbidden('src/gpu/pool.ts', "export { Tensor } from '../ops/tensor.ts';"),
    forbidden('src/gpu/pool.ts', "export * from '../ops/tensor.ts';"),
    forbidden('src/gpu/pool.ts', "export const later = () => import('../ops/tensor.ts');"),
    forbidden('src/gpu/pool.ts', "let t: import('../ops/tensor.ts').Tensor;"),
    forbidden('src/gpu/pool.ts', "const all = import.meta.glob('../ops/*.ts');"),
    forbidden('src/gpu/pool.ts', "const all = import.meta.glob(['./*.ts', '../ops/*.ts'], { eager: true });"),
    forbidden('src/gpu/pool.ts', "import { Tensor } from '/src/ops/tensor.ts';"),
    forbidden('src/gpu/pool.ts', "import { gold } from '../../tests/reference/gold.ts';"),
    typesOnly('src/corpus/batches.ts', "import { bm25 } from '../retrieval/bm25.ts';"),
    typesOnly('src/files/weightFile.ts', "import { BufferPool } from '../gpu/pool.ts';"),
    // Under verbatimModuleSyntax this one still runs the module.
    typesOnly('src/corpus/batch.ts', "import { type Bm25 } from '../retrieval/bm25.ts';"),
    { ...inFile('src/utilities.ts', 'export {};'), errors: [{ messageId: 'homeless' as const }] },
    { ...inFile('src/misc/utilities.ts', 'export {};'), errors: [{ messageId: 'homeless' as const }] },
  ],
});
