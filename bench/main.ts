import { openNodeRuntime } from '../src/cli/support/nodeGpu.ts';
import { GpuError } from '../src/gpu/errors.ts';
import { benchBytes, BYTES_COLUMNS } from './bytes.ts';
import type { CompareOptions } from './compare.ts';
import { benchHost, HOST_COLUMNS, HOST_SPLIT_COLUMNS } from './host.ts';
import { benchDevice } from './device.ts';
import { benchGpu } from './gpu/main.ts';
import { benchInBatchAttention, IN_BATCH_COLUMNS } from './inBatchAttention.ts';
import { benchKernels, KERNEL_COLUMNS } from './kernels.ts';
import { benchMatmul, MATMUL_COLUMNS } from './matmul.ts';
import { benchMerit } from './merit.ts';
import { MeasuredRuntime } from './measuredRuntime.ts';
import { benchMemory, judgeMemory, MEMORY_COLUMNS } from './memory.ts';
import { parseOptions, TABLES, UsageError, type BenchOptions, type Table } from './options.ts';
import { benchRecording, RECORDING_COLUMNS } from './recording.ts';
import { jsonReport, textReport, type Report, type Section } from './report.ts';
import { qwenShape, smallShape } from '../src/run/deviceBench/shapes.ts';
import { benchSteps, STEP_COLUMNS, STEP_KERNEL_COLUMNS } from './steps.ts';
import { benchWork, WORK_COLUMNS } from './work.ts';

const HELP = `Measures the engine on this machine's GPU and prints tables.

  npm run bench -- [TABLE …] [options]
  npm run bench -- device [--json]    what this GPU does at most, and what kernels and steps make of it: for docs/devices
  npm run bench -- gpu [--no-tests] [--python PATH] [--minutes N] [--out FILE]
                                      the same with every kernel's tests before it and a step of Qwen2.5-0.5B after it, beside
                                      PyTorch's where a Python with torch is named; ends within N minutes (default 10)
  npm run bench -- merit [--keep] [--json]
                 what a training step asks of a GPU, in one figure and by counts, against the version kept in
                 bench/merit.json; --keep makes these the kept ones. Needs no GPU

  TABLE          kernels | attention | recording | host | step | bytes | work | memory; all but memory when none is named.
                 recording and host measure JavaScript alone, work only counts: they need no GPU
  --only TABLE   the same; may be given several times
  --quick        few tokens and few rounds, as software GPUs get by themselves
  --full         the full shapes, on a software GPU too (takes very long there)
  --memory N     also train the small preset for N steps (2000, say) and see whether memory stays flat
  --json         one JSON object a line instead of tables
  help           this text

Ratios compare what was measured in turn within one run; times are medians.
`;

/** Steps of --only memory when --memory does not say. */
const MEMORY_STEPS = 2000;

/** What a table of JavaScript alone takes. */
interface Script {
  readonly report: Report;
  readonly quick: boolean;
  readonly signal: AbortSignal;
}

interface Bench extends Script {
  readonly runtime: MeasuredRuntime;
}

/** Entry of `npm run bench`. Returns the exit code. */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    if (args[0] === 'device') {
      await benchDevice(args.slice(1), signal);
      return 0;
    }
    if (args[0] === 'merit') {
      await benchMerit(args.slice(1), signal);
      return 0;
    }
    if (args[0] === 'gpu') return await benchGpu(args.slice(1), signal);
    const options = parseOptions(args);
    if (options.help) process.stdout.write(HELP);
    else await run(options, signal);
    return 0;
  } catch (cause) {
    if (signal.aborted) return 130;
    if (!(cause instanceof UsageError || cause instanceof GpuError)) throw cause;
    process.stderr.write(`${cause.message}\n`);
    return 1;
  }
}

/** Tables of JavaScript alone: they are measured without a GPU, and where there is none. */
const WITHOUT_GPU: readonly Table[] = ['recording', 'host', 'work'];

async function run(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const write = (text: string) => process.stdout.write(text);
  const report = options.json ? jsonReport(write) : textReport(write);
  const wanted = (table: Table) => options.only.length === 0 || options.only.includes(table);
  const needsGpu =
    TABLES.some((table) => wanted(table) && !WITHOUT_GPU.includes(table)) || options.memory !== undefined;
  const bench = needsGpu ? await openBench(options, report, signal) : undefined;
  const script = { report, quick: options.quick ?? bench?.quick ?? false, signal };
  if (bench && wanted('kernels')) await kernels(bench);
  if (bench && wanted('attention')) await attention(bench);
  if (wanted('recording')) await recording(script);
  if (wanted('host')) await host(script);
  if (bench && wanted('step')) await step(bench);
  if (bench && wanted('bytes')) await bytes(bench);
  if (wanted('work')) await work(script);
  const steps = options.memory ?? (options.only.includes('memory') ? MEMORY_STEPS : undefined);
  if (bench && steps !== undefined) await memory(bench, steps);
}

async function openBench({ quick }: BenchOptions, report: Report, signal: AbortSignal): Promise<Bench> {
  const { gpu } = await openNodeRuntime();
  const bench = { runtime: new MeasuredRuntime(gpu), report, quick: quick ?? gpu.info.software, signal };
  describeAdapter(bench);
  return bench;
}

function describeAdapter({ runtime, report, quick }: Bench): void {
  const { vendor, architecture, description, software } = runtime.gpu.info;
  const section: Section = { table: 'adapter', title: 'Adapter' };
  const row = {
    adapter: [vendor, architecture, description].filter((part) => part !== '').join(' '),
    kind: software ? 'software' : 'GPU',
    times: runtime.gpu.hasTimestamps ? 'GPU timestamps' : 'wall',
    shapes: quick ? 'quick' : 'full',
  };
  report.begin(section);
  report.rows(
    section,
    Object.keys(row).map((key) => ({ key, title: key })),
    [row],
  );
}

/** How long measurements may take: software GPUs need a few long ones, GPUs many short ones. */
function comparing({ quick, signal }: Bench, mostRepetitions: number): CompareOptions {
  return quick
    ? { signal, rounds: 3, targetMs: 5, mostRepetitions: Math.min(4, mostRepetitions), budgetMs: 600 }
    : { signal, rounds: 7, targetMs: 20, mostRepetitions };
}

async function kernels(bench: Bench): Promise<void> {
  const { runtime, report, quick } = bench;
  const shapes = [await smallShape(), qwenShape(quick)];
  const notes = shapes.flatMap(({ scaledDown }) => scaledDown ?? []);
  const products: Section = {
    table: 'matmul',
    title: 'Matrix products (the columns on the right: time of each tile relative to the chosen one)',
    notes,
  };
  report.begin(products);
  for (const shape of shapes)
    report.rows(products, MATMUL_COLUMNS, await benchMatmul(runtime, shape, comparing(bench, 100)));
  const others: Section = { table: 'kernels', title: 'Other kernels', notes };
  report.begin(others);
  for (const shape of shapes)
    report.rows(others, KERNEL_COLUMNS, await benchKernels(runtime, shape, comparing(bench, 8)));
}

async function attention(bench: Bench): Promise<void> {
  const { runtime, report, quick } = bench;
  const small = { heads: 4, kvHeads: 2, headDim: 32 };
  const qwen = { heads: 14, kvHeads: 2, headDim: 64 };
  const cases = quick
    ? [{ model: 'small', heads: small, lengths: [13] }]
    : [
        { model: 'small', heads: small, lengths: [13, 64] },
        { model: 'Qwen2.5-0.5B', heads: qwen, lengths: [160] },
      ];
  for (const { model, heads, lengths } of cases) {
    const section: Section = {
      table: 'attention',
      title: `In-batch attention of one layer, ${model}: H ${heads.heads}, G ${heads.kvHeads}, hd ${heads.headDim}`,
      notes: [
        'Sharp: each chunk reads one other; soft: each reads all others. Ratios are to B 4 of the same kind.',
        'State of pairs: by formula, of the backward pass; scratch peak: all scratch of forward and backward, measured.',
        ...(quick ? ['Chunks of 13 tokens only, and no shapes of Qwen2.5-0.5B: those are for GPUs.'] : []),
      ],
    };
    report.begin(section);
    for (const length of lengths) {
      const rows = await benchInBatchAttention(runtime, heads, length, comparing(bench, 8));
      report.rows(
        section,
        IN_BATCH_COLUMNS,
        rows.map((row) => ({ model, ...row })),
      );
    }
  }
}

async function recording({ report, quick, signal }: Script): Promise<void> {
  const section: Section = {
    table: 'recording',
    title: 'JavaScript time of 1,000 dispatches, without a GPU',
    notes: ['Kernels of a layer, forward and backward, recorded and sent to a device whose calls do nothing.'],
  };
  report.begin(section);
  report.rows(section, RECORDING_COLUMNS, await benchRecording(quick ? 20 : 100, signal));
}

async function host({ report, quick, signal }: Script): Promise<void> {
  const section: Section = {
    table: 'host',
    title: 'JavaScript time of whole updates, without a GPU',
    notes: [
      'From batch to record on a device whose calls do nothing, with the tiles of a GPU; weights of SmolLM2-135M are allocated only.',
      'CPU: processor time of the process, garbage collection and compilation by V8 included. Work by the ops’ own counts.',
      'Facts and full rows are of one shape each, so their steps are sent again; those of ragged rows are recorded one by one.',
    ],
  };
  report.begin(section);
  const { steps, split } = await benchHost(quick ? 10 : 40, signal);
  report.rows(section, HOST_COLUMNS, steps);
  const splitSection: Section = {
    table: 'hostSplit',
    title: 'The same by what it is spent on',
    notes: ['Shares by V8’s sampling profiler, of the CPU time above.'],
  };
  report.begin(splitSection);
  report.rows(splitSection, HOST_SPLIT_COLUMNS, split);
}

async function step({ runtime, report, quick, signal }: Bench): Promise<void> {
  const section: Section = {
    table: 'step',
    title: 'Whole updates of the default preset and its variants',
    notes: ['Wall time of forward, backward, clipping, AdamW and readback; tokens are those of the language model.'],
  };
  report.begin(section);
  const { steps, kernels: byKernel } = await benchSteps(runtime, { rounds: quick ? 5 : 20, signal });
  report.rows(section, STEP_COLUMNS, steps);
  const kernelSection: Section = {
    table: 'stepKernels',
    title: 'Time by kernel, one update of the default preset',
    notes: [
      byKernel.length > 0
        ? 'A dispatch that would run too long goes in parts, and each is a call.'
        : 'This GPU has no timestamps, so there is nothing to show.',
    ],
  };
  report.begin(kernelSection);
  if (byKernel.length > 0) report.rows(kernelSection, STEP_KERNEL_COLUMNS, byKernel);
}

async function bytes({ runtime, report, signal }: Bench): Promise<void> {
  const section: Section = {
    table: 'bytes',
    title: 'Bytes by purpose at the peak of an update of the small preset',
    notes: [
      'Purposes need not peak at the same moment: the peak of their sum may be less than the sum of their peaks.',
    ],
  };
  report.begin(section);
  report.rows(section, BYTES_COLUMNS, await benchBytes(runtime, signal));
}

async function work({ report, signal }: Script): Promise<void> {
  const section: Section = {
    table: 'work',
    title: 'Dispatches, bytes and operations of an update by kernel, without a GPU',
    notes: [
      'By the counts of the ops, for the tiles of a usual GPU; LoRA on all projections, all layers reading, nothing recomputed.',
    ],
  };
  report.begin(section);
  report.rows(section, WORK_COLUMNS, await benchWork(signal));
}

async function memory({ runtime, report, signal }: Bench, steps: number): Promise<void> {
  const section: Section = { table: 'memory', title: `Memory over ${steps} updates of the small preset` };
  report.begin(section);
  const rows = await benchMemory(runtime, steps, signal);
  report.rows(section, MEMORY_COLUMNS, rows);
  const { text, facts } = judgeMemory(rows);
  report.conclude(section, text, facts);
}
