import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCollection } from '../../src/cli/support/evaluation/collectionSource.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import { zipChunks, type NamedFile } from '../../src/files/formats/zipWriter.ts';
import { concatenated } from '../../src/files/formats/safetensors.ts';
import { authorsArguments, authorsRefusals } from '../../src/run/handover/authors.ts';
import { handoverFiles, packed } from '../../src/run/handover/handover.ts';
import type { Job } from '../../src/run/handover/job.ts';
import { whyNotHandedOver } from '../../src/run/handover/refusal.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { configure, SETTING_KEYS, type Configuration } from '../../src/settings/configuration.ts';
import { preset } from '../../src/settings/presets.ts';
import { writeWholeFolder } from '../../src/cli/support/wholeFiles.ts';
import { openTestRuntime } from '../harness/runtime.ts';

/** As small as a run can be. */
const SMALL = {
  chunks: 4,
  chunkTokens: 32,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  layers: 2,
  heldOutBatches: 1,
  rank: 2,
  accumulation: 2,
};
const signal = new AbortController().signal;
const run = promisify(execFile);

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = await openTestRuntime();
  folder = await mkdtemp(join(tmpdir(), 'revela-handover-'));
});
afterAll(async () => {
  runtime.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** A run after so many steps, and the files that it is handed over as. */
async function handedOver<T>(
  changes: Readonly<Partial<Configuration>>,
  steps: number,
  look: (files: ReadonlyMap<string, Uint8Array>, run: OpenRun, all: readonly NamedFile[]) => Promise<T>,
): Promise<T> {
  const configuration = configure({ ...SMALL, ...changes });
  const prepared = await prepareRun(
    { configuration, text: undefined, title: undefined },
    { openBases: () => Promise.reject(new Error('No checkpoint is asked for.')), signal },
  );
  const run = await openRun(runtime, prepared, { signal });
  try {
    for (let i = 0; i < 2; i++) await run.experiment.trainer.step();
    const files = await handoverFiles(run, { steps, signal });
    return await look(new Map(files.map(({ name, chunks }) => [name, concatenated(chunks)])), run, files);
  } finally {
    run.experiment.destroy();
  }
}

const textOf = (files: ReadonlyMap<string, Uint8Array>, name: string): string =>
  new TextDecoder().decode(files.get(name));
const jsonOf = <T>(files: ReadonlyMap<string, Uint8Array>, name: string): T => JSON.parse(textOf(files, name)) as T;
const linesOf = (files: ReadonlyMap<string, Uint8Array>, name: string): Record<string, unknown>[] =>
  textOf(files, name)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('the archive holds the batches of the next updates, and what the first of them comes to', async () => {
  await handedOver({ trained: 'lora', source: 'facts' }, 3, async (files, run) => {
    const groups = linesOf(files, 'groups.jsonl');
    expect(groups).toHaveLength(6);
    const { feed, trainer } = run.experiment;
    expect(groups.map(({ text }) => text)).toEqual(
      groups.map((_, i) => feed.batchAt(4 + i).source.chunks.map(({ text }) => text)),
    );
    const { group, loss, matrices } = jsonOf<{
      group: unknown;
      loss: number;
      matrices: Record<string, number[]>;
    }>(files, 'first-step.json');
    expect(group).toEqual(groups[0]);
    // The update's numbers are those of its last batch, so that one batch more or less is told apart.
    const seen = await trainer.look(feed.batchAt(4));
    expect(loss).toBe(seen.loss);
    expect(matrices['attention']).toHaveLength(16);
    expect(textOf(files, 'README.md')).toContain(`| loss | ${Number(loss.toPrecision(7))} |`);
  });
});

test('dropout goes along with the adapters that learn, and the first step to compare with has none', async () => {
  const changes = { trained: 'lora', source: 'facts', loraDropout: 0.1, freezeLanguageModel: true } as const;
  await handedOver(changes, 1, async (files, { experiment: { feed, trainer } }) => {
    const dropout = (folder: string) =>
      jsonOf<Record<string, unknown>>(files, `${folder}/adapter_config.json`)['lora_dropout'];
    expect([dropout('retriever'), dropout('language-model')]).toEqual([0.1, 0]);
    const { loss } = jsonOf<{ loss: number }>(files, 'first-step.json');
    expect(loss).toBe((await trainer.look(feed.batchAt(4))).loss);
    expect(textOf(files, 'README.md')).toContain('masks that PyTorch draws');
    expect(textOf(files, 'README.md')).toContain('| LoRA dropout | loraDropout | 0.1 | --lora_dropout |');
  });
});

test('AdamW’s moments stand under the names that PEFT gives the adapters, with their shapes', async () => {
  await handedOver({ trained: 'lora', learnGate: true }, 1, async (files) => {
    const open = (name: string, path: string) =>
      openWeights((asked) => {
        const bytes = asked === `${name}.safetensors` ? files.get(path) : undefined;
        return Promise.resolve(
          bytes && {
            name: path,
            size: bytes.length,
            read: (begin: number, end: number) => Promise.resolve(bytes.slice(begin, end)),
          },
        );
      }, name);
    const moments = await open('optimiser', 'optimiser.safetensors');
    const wanted = ['gates/contextGates/m', 'gates/contextGates/v'];
    for (const [part, at] of [
      ['retriever', 'retriever'],
      ['languageModel', 'language-model'],
    ] as const) {
      const adapter = await open('adapter_model', `${at}/adapter_model.safetensors`);
      for (const name of adapter.names)
        for (const moment of ['m', 'v']) {
          wanted.push(`${part}/${name}/${moment}`);
          expect(moments.get(`${part}/${name}/${moment}`)?.shape, name).toEqual(adapter.get(name)?.shape);
        }
    }
    expect([...moments.names].sort()).toEqual(wanted.sort());
    // Two steps were made: squares have moved and are squares.
    const [squares] = moments.names.filter((name) => name.endsWith('lora_B.weight/v'));
    const values = await moments.readFloats(squares ?? '');
    expect(values.every((value) => value >= 0)).toBe(true);
    expect(values.some((value) => value > 0)).toBe(true);
  });
});

test.each([
  ['a control by BM25', { attention: 'bm25', source: 'workshop', vocabulary: 300 }, ['attention']],
  ['crops', { objective: 'infoNce' }, ['rows', 'partnersOf']],
  ['a teacher', { objective: 'distillation', source: 'workshop', vocabulary: 300 }, ['teacher']],
] as const)('groups say what the runner cannot make of their texts: %s', async (_name, changes, keys) => {
  await handedOver(changes, 1, (files) => {
    const [group = {}] = linesOf(files, 'groups.jsonl');
    expect(Object.keys(group)).toEqual(['src', 'text', 'labels', 'titles', ...keys]);
    expect(JSON.stringify(group), 'JSON has no infinity').not.toContain('null');
    return Promise.resolve();
  });
});

test('held-out text is a collection that the page reads, and training never sees it', async () => {
  await handedOver({ source: 'workshop', vocabulary: 300 }, 40, async (files, _run, all) => {
    const out = join(folder, 'job');
    await writeWholeFolder(out, all, false);
    const { documents, queries, qrels } = await openCollection({ collection: join(out, 'heldout') }, signal);
    expect(queries.length).toBeGreaterThan(10);
    expect(qrels.size).toBe(queries.length);
    const trained = new Set(linesOf(files, 'groups.jsonl').flatMap(({ text }) => text as string[]));
    expect(documents.filter(({ text }) => trained.has(text))).toEqual([]);
    expect(await readFile(join(out, 'runner', '__main__.py'), 'utf8')).toContain('def main()');
  });
});

test('writing and packing tell how far they are, and can be stopped in between', async () => {
  const told: (readonly [string, number])[] = [];
  const onProgress = (detail: string, fraction: number) => void told.push([detail, fraction]);
  await handedOver({ trained: 'lora', source: 'facts' }, 250, async (_files, run, all) => {
    await handoverFiles(run, { steps: 250, onProgress });
    expect(concatenated(await packed(all, { onProgress }))).toHaveLength(concatenated(zipChunks(all)).length);
    const of = (detail: string) => told.flatMap(([name, fraction]) => (name === detail ? [fraction] : []));
    for (const detail of ['Writing batches', 'Packing']) {
      const shares = of(detail);
      expect(shares.at(-1)).toBe(1);
      expect(shares).toEqual([...new Set(shares)].sort((one, other) => one - other));
      // 500 batches, and still no more than a word for each percent.
      expect(shares.length, detail).toBeGreaterThan(50);
      expect(shares.length, detail).toBeLessThanOrEqual(100);
    }
    const { step } = run.experiment.optimiser;
    for (const stopAt of ['Writing batches', 'Packing']) {
      const control = new AbortController();
      const stopped = { signal: control.signal, onProgress: (now: string) => now === stopAt && control.abort() };
      const work = stopAt === 'Packing' ? packed(all, stopped) : handoverFiles(run, { steps: 250, ...stopped });
      await expect(work).rejects.toThrow(`${stopAt} was stopped.`);
    }
    expect(run.experiment.optimiser.step).toBe(step);
  });
});

test('models of the run’s own that stay as they are go along whole', async () => {
  await handedOver({ trained: 'full', freezeLanguageModel: true }, 1, (files, _run, all) => {
    expect(all.length, 'each file once').toBe(files.size);
    expect(files.has('language-model/model.safetensors')).toBe(true);
    const { models } = jsonOf<Job>(files, 'settings.json');
    expect(models.languageModel).toMatchObject({ form: 'full', learns: false });
    expect(models.retriever).toMatchObject({ form: 'full', learns: true });
    return Promise.resolve();
  });
});

test('the runner has decided on every setting there is, in one place, and reads those that it says it uses', async () => {
  const folder = join(import.meta.dirname, '../../handover/runner');
  const python = await readFile(join(folder, 'settings.py'), 'utf8');
  const namesIn = (set: string): string[] => {
    const [, body = ''] = new RegExp(`^${set} = \\{([^}]*)\\}`, 'm').exec(python) ?? [];
    return [...body.matchAll(/"(\w+)"/g)].map(([, name = '']) => name);
  };
  const [used = [], ...others] = ['USED', 'IN_THE_FILES', 'OF_THE_PAGE', 'WITHOUT_EFFECT'].map(namesIn);
  const decided = [...used, ...others.flat()];
  expect(SETTING_KEYS.filter((key) => !decided.includes(key))).toEqual([]);
  expect(
    decided.filter((key, i) => decided.indexOf(key) !== i),
    'twice',
  ).toEqual([]);
  const modules = (await readdir(folder)).filter((name) => name.endsWith('.py'));
  const code = (await Promise.all(modules.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
  expect(
    used.filter((key) => !new RegExp(`(job|configuration)\\["${key}"\\]`).test(code)),
    'not read',
  ).toEqual([]);
});

test.each([
  ['one', [], 0, '-m runner train'],
  ['one', ['--steps', '3'], 1, '-m runner train --steps 3'],
  [
    'ddp',
    ['2', '--dtype', 'bfloat16'],
    0,
    '-m accelerate.commands.launch --config_file launch/ddp.yaml --num_processes 2 --module runner train --dtype bfloat16',
  ],
  [
    'ddp',
    ['2'],
    1,
    '-m accelerate.commands.launch --config_file launch/ddp.yaml --cpu --num_processes 2 --module runner train',
  ],
  [
    'fsdp2',
    ['8'],
    0,
    '-m accelerate.commands.launch --config_file launch/fsdp2.yaml --num_processes 8 --module runner train',
  ],
  [
    'fsdp2',
    ['8'],
    1,
    'accelerate splits models over GPUs alone, and torch finds none here. Processes on CPU take ddp: bash train.sh ddp 8',
  ],
  ['zero3', ['2'], 1, 'accelerate splits models over GPUs alone'],
  ['ddp', [], 0, 'say how many processes take part: bash train.sh ddp 2'],
])('train.sh %s %j where asking torch for a GPU ends with %i', async (mode, more, code, expected) => {
  const bin = join(folder, `bin-${code}`);
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'python'), `#!/bin/sh\n[ "$1" = -c ] && exit ${code}\necho "$@"\n`, { mode: 0o755 });
  const script = join(import.meta.dirname, '../../handover/train.sh');
  const { stdout, stderr } = await run('bash', [script, mode, ...more], {
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
  }).catch((failure: { stdout: string; stderr: string }) => failure);
  expect((stdout || stderr).trim()).toContain(expected);
});

test('what cannot go on elsewhere is refused in words', () => {
  expect(whyNotHandedOver(configure({ objective: 'replug' }))).toContain('REPLUG');
  expect(whyNotHandedOver(configure({ objective: 'infoNce', hardNegatives: 'mined' }))).toContain('Mined');
  expect(whyNotHandedOver(configure({ hardNegatives: 'mined' })), 'idle').toBeUndefined();
});

test('the authors’ trainer gets the paper’s settings as arguments, and a sentence for each thing it has not', async () => {
  await handedOver({ trained: 'lora' }, 1, (files) => {
    const small = jsonOf<Job>(files, 'settings.json');
    const paper: Job = {
      ...small,
      configuration: configure({ ...preset('paper').configuration }),
      contextLayers: null,
    };
    expect(authorsRefusals(paper, 'llama')).toEqual([]);
    const said = authorsArguments(paper);
    expect(said).toContain('--attn_temperature 0.0001');
    expect(said).toContain('--gradient_accumulation_steps $((8 / PROCESSES))');
    expect(said).toContain('--lora_dropout 0.1');
    expect(said).toContain('--lora_target_modules q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj');
    const gentle = { ...paper, configuration: preset('gentle').configuration, contextLayers: [1] };
    expect(authorsRefusals(gentle, 'qwen2').join(' ')).toMatch(/no context gate.*all layers.*content/s);
    return Promise.resolve();
  });
});
