import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { snapshotSteps } from '../../src/cli/support/snapshots.ts';
import type { StepReport } from '../../src/cli/commands/step.ts';
import { pastedText } from '../../src/corpus/given.ts';
import { divideText } from '../../src/corpus/sources/division/division.ts';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { headerLength, parseHeader } from '../../src/files/formats/safetensors.ts';
import type { RunRecord } from '../../src/run/record.ts';
import { lines, run } from './run.ts';

const GOLDEN = join(dirname(fileURLToPath(import.meta.url)), '../parity/steps/llama-no-vnorm');
const TINY = '--chunks 4 --layers 1 --width 16 --heads 2 --kvHeads 1 --mlpWidth 16 --heldOutBatches 1'.split(' ');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('help names the commands and every setting', async () => {
  const { code, out } = await run('help');
  expect(code).toBe(0);
  for (const word of ['train', 'step DIR', '--temperature', '--attention', '--preset']) expect(out).toContain(word);
  for (const command of ['train', 'step', 'embed', 'export', 'generate', 'plan', 'essays', 'make-checkpoint']) {
    const own = await run('help', command);
    expect(own.out.startsWith(command)).toBe(true);
    expect(out).toContain(own.out);
    expect((await run(command, '--help')).out).toBe(own.out);
  }
});

test('essays are printed as a text that holds the same documents', async () => {
  const { out } = await run('essays', 'shore', 'kitchen');
  const documents = [...(await loadProse('shore')), ...(await loadProse('kitchen'))];
  // In a plain text a title is its first line.
  const expected = documents.map(({ title, paragraphs }) => ({ title, paragraphs: [title, ...paragraphs] }));
  expect((await divideText(pastedText('essays.txt', out))).documents).toMatchObject(expected);
  const all = await run('essays');
  expect(all.out).toContain(documents.at(-1)?.paragraphs.at(-1));
});

describe('what cannot be done is refused in a sentence, with exit code 1', () => {
  test.each([
    [['dance'], /no command dance/],
    [['essays', 'attic'], /no collection "attic"/],
    [['train', '--speed', '3'], /--speed/],
    [['train', '--learningRate', 'NaN'], /Learning rate/],
    [['train', '--steps', '0'], /--steps/],
    [['train', '--steps', '1e99'], /--steps takes a whole number from 1 to 1,000,000,000/],
    [['train', '--every', '99999999999999999999'], /--every takes/],
    [['train', '--checkpoint', 'a', '--checkpoint-every', 'Infinity'], /--checkpoint-every takes/],
    [['train', '--file', 'shaders'], /no text in these files/],
    [['train', '--file', 'package.json/text'], /package\.json\/text is not there/],
    [['train', '--adapters', '.', '--record', '.'], /--record \. cannot be written: it is a folder/],
    [['train', '--record', '/dev/full'], /--record .* it is a device/],
    [['train', '--record', 'README.md'], /--record README\.md .*exists already.*--force/],
    [['train', '--record', '/proc/run.json'], /--record .*Choose another place/],
    [['train', '--export', 'src'], /--export src .*holds files/],
    [['train', '--save', 'a.zip', '--record', 'a.zip'], /--save .*--record .*same place/],
    [['train', '--preset', 'none'], /no preset "none"/],
    [['train', '--attention', 'psychic'], /Who is read/],
    [['step'], /Usage/],
    [['step', '/nowhere', '--out', 'step.safetensors'], /no options.json/],
    [['step', '--model', '/nowhere'], /no folder \/nowhere/],
    [['help', 'dance'], /no command dance/],
    [['train', '--preset', 'gentle'], /--model PATH/],
    [['train', '--retriever-model', '/nowhere'], /needs --model/],
    [['train', '--save-model', '/nowhere', '--trained', 'lora'], /--trained full/],
    [['train', '--save', 'adapters'], /\.zip/],
    [['train', '--checkpoint-every', '5'], /--checkpoint FILE/],
    [['train', '--resume', '/nowhere'], /no file \/nowhere/],
    [['train', '--file', '/nowhere'], /no file \/nowhere/],
    [['train', 'fast'], /What is fast/],
    [['generate', '--prompt', 'Hello'], /--model is missing/],
    [['generate', '--model', '/nowhere', '--prompt', ''], /--prompt is missing/],
    [['embed', '--model', '/nowhere', '--file', 'a'], /--query TEXT or --out FILE/],
    [['embed', '--model', '/nowhere', '--file', 'a', '--out', 'b'], /\.npy or \.tsv/],
    [['export', '--out', 'a'], /Usage/],
    [['export', '/nowhere'], /--out is missing/],
    [['plan', '--config', 'huge'], /no shape and no file huge/],
    [['plan', '--config', 'tiny', '--model', '/nowhere'], /not both/],
    [['make-checkpoint', '/nowhere'], /--config is missing/],
    [['make-checkpoint', '--config', 'tiny'], /Usage/],
    [['make-checkpoint', '/nowhere', '--config', 'tiny', '--dtype', 'int8'], /--dtype/],
    [['make-checkpoint', '/nowhere', '--config', 'tiny', '--seed', '-1'], /--seed/],
    [['make-checkpoint', '/nowhere', '--config', 'tiny', '--seed', '1e99'], /--seed/],
    [['make-checkpoint', 'src', '--config', 'tiny'], /src .*holds files/],
    [['generate', '--model', '/nowhere', '--prompt', 'a', '--tokens', '1e99'], /--tokens/],
    [['embed', '--model', '/nowhere', '--file', 'a', '--out', 'src/a.npy/'], /\.npy or \.tsv/],
    [['embed', '--model', '/nowhere', '--file', 'a', '--out', 'README.md/a.tsv'], /--out .*part of its path is a file/],
    [['export', 'README.md', '--out', 'README.md'], /--out README\.md .*a folder is meant/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('an option of a golden folder that is not known is not ignored', async () => {
    await writeFile(
      join(folder, 'options.json'),
      '{"retrieverBase":"base","lmBase":"base","temperature":0.1,"magic":1}',
    );
    const { code, err } = await run('step', folder, '--out', join(folder, 'out'));
    expect(code).toBe(1);
    expect(err).toMatch(/magic/);
  });

  test('a binary file is no text', async () => {
    const file = join(folder, 'picture.png');
    await writeFile(
      file,
      Uint8Array.from({ length: 4000 }, (_, i) => (i * 7919) % 256),
    );
    const { code, err } = await run('train', '--file', file, '--steps', '1');
    expect(code).toBe(1);
    expect(err).toMatch(/picture\.png/);
  });
});

test('train --json prints one object a line, from step 1 on, with an evaluation at the end', async () => {
  const { code, out } = await run('train', '--json', '--steps', '3', '--every', '1', '--attention', 'uniform', ...TINY);
  expect(code).toBe(0);
  const objects = lines(out);
  expect(objects.map(({ step }) => step)).toEqual([1, 2, 3, 3]);
  for (const line of objects) {
    expect(line['ntpLoss']).toBeGreaterThan(0);
    expect(line['isolatedLoss']).toBeGreaterThan(0);
  }
  const last = objects.at(-1)?.['heldOut'] as Record<string, number>;
  expect(Object.keys(last)).toEqual(
    expect.arrayContaining(['recallAt1', 'ntpLoss', 'isolatedLoss', 'effectiveDocuments']),
  );
  expect(last['effectiveDocuments']).toBeCloseTo(3, 5);
  expect(Object.keys(last).slice(-2)).toEqual(['bm25RecallAt1', 'untrainedRecallAt1']);
  expect(objects.at(-1)?.['of']).toBe('heldOut');
  // The retriever of a control does not learn: it is the untrained one.
  expect(last['untrainedRecallAt1']).toBe(last['recallAt1']);
  expect(objects.at(-1)?.['than']).toMatchObject({ untrained: { more: 0, less: 0, p: 1, verdict: 'no difference' } });
});

test('train prints the numbers of the probe where that is asked for, and looks at it for nobody else', async () => {
  const args = ['--steps', '3', '--every', '3', '--probeEvery', '2', '--evaluateEvery', '9', ...TINY];
  const json = lines((await run('train', '--json', '--probe', ...args)).out);
  const probes = json.filter((line) => 'probe' in line);
  expect(probes.map(({ step }) => step)).toEqual([0, 2, 3]);
  for (const { probe, of } of probes) {
    expect(of).toBe('heldOut');
    expect(Object.keys(probe as object)).toEqual(
      expect.arrayContaining(['ntpLoss', 'partnerShare', 'partnerShareByChance', 'contrast']),
    );
  }
  // Scripts that read the lines of before meet no others.
  expect(lines((await run('train', '--json', ...args)).out).filter((line) => 'probe' in line)).toEqual([]);
  expect((await run('train', '--probe', ...args)).out).toMatch(
    /\n {2}same batch, held out, at 2: loss \d.* partner \d/,
  );
});

test('train says what its scores are of, and at the end what they are better than', async () => {
  const told = await run('train', '--steps', '2', '--attention', 'uniform', ...TINY);
  expect(told.out).toMatch(/^ {2}held out at 2: recall@1 \d.* BM25 \d.\d\d {2}untrained \d.\d\d/m);
  expect(told.out).toMatch(
    /\nrecall@1 \d\.\d\d held out at step 2, by chance 0\.33\n {2}the same as the untrained retriever on all 4 chunks\n/,
  );
  expect(told.out).toMatch(/\n {2}(no difference to|worse than|better than|the same as) TF-IDF .*\n.* BM25 /);
  const file = join(folder, 'short.txt');
  await writeFile(file, 'Bees make honey. They live in hives.\n\n---\n\nSnow lies on peaks. It melts in spring.\n');
  const own = ['--source', 'text', '--file', file, '--vocabulary', '300', '--chunkTokens', '24', '--steps', '1'];
  const short = await run('train', ...own, ...TINY);
  expect(short.out).not.toContain('held out');
  expect(short.out).toContain('on the training text at 1: recall@1');
  const [, json] = lines((await run('train', '--json', ...own, '--every', '1', ...TINY)).out);
  expect(json).toMatchObject({ step: 1, of: 'training' });
});

test('held-out batches are looked at as seldom as was asked', async () => {
  const often = ['--steps', '51', '--every', '51', '--evaluateEvery', '60', '--attention', 'uniform'];
  const { out } = await run('train', '--json', ...often, ...TINY);
  expect(lines(out).map(({ step }) => step)).toEqual([51, 51]);
});

test('train --record writes a run that the page can replay', async () => {
  const file = join(folder, 'run.json');
  await run('train', '--steps', '3', '--record', file, ...TINY);
  const record = JSON.parse(await readFile(file, 'utf8')) as RunRecord;
  expect(record.version).toBe(1);
  expect(record.metrics.map(({ step }) => step)).toEqual([1, 2, 3]);
  expect(record.snapshots).toHaveLength(3);
  expect(record.snapshots[0]?.batch.chunks).toHaveLength(4);
  expect(record.evaluations.map(({ step }) => step)).toEqual([0, 3]);
});

test('step prints the numbers and writes the tensors of a golden folder', async () => {
  const file = join(folder, 'step.safetensors');
  const { code, out } = await run('step', GOLDEN, '--out', file);
  expect(code).toBe(0);
  const report = JSON.parse(out) as StepReport;
  const expected = JSON.parse(await readFile(join(GOLDEN, 'expected.json'), 'utf8')) as StepReport;
  expect(Object.keys(report).sort()).toEqual(Object.keys(expected).sort());
  expect(report.loss / expected.loss).toBeCloseTo(1, 5);
  const names = async (path: string) => {
    const bytes = new Uint8Array(await readFile(path));
    return [
      ...parseHeader(
        bytes.subarray(8, 8 + headerLength(bytes.subarray(0, 8), bytes.length)),
        bytes.length,
      ).tensors.keys(),
    ].sort();
  };
  expect(await names(file)).toEqual(await names(join(GOLDEN, 'expected.safetensors')));
});

test('a recorded run keeps all of a short run and thins a long one, first and last step included', () => {
  expect(snapshotSteps(3)).toEqual([1, 2, 3]);
  const long = snapshotSteps(1000);
  expect(long.length).toBeLessThanOrEqual(60);
  expect([long[0], long.at(-1)]).toEqual([1, 1000]);
  expect(long.every((step, i) => i === 0 || step > (long[i - 1] ?? 0))).toBe(true);
});
