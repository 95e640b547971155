import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TextPreview } from '../../src/run/textPreview.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';
import { lines, run } from './run.ts';

const TINY =
  '--chunks 4 --layers 1 --width 16 --heads 2 --kvHeads 1 --mlpWidth 16 --heldOutBatches 1 --vocabulary 300'.split(' ');
const PARAGRAPHS = Array.from(
  { length: 6 },
  (_, i) =>
    `The ${i}th keeper wrote down every ship that passed in the night. He counted ${i + 3} of them before the morning came.`,
);
const LATIN1 = Buffer.from(PARAGRAPHS.map((text) => `${text} Le café ferme à minuit.`).join('\n\n'), 'latin1');

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-texts-'));
  await mkdir(at('notes/inner'), { recursive: true });
  await writeFile(at('notes/1.txt'), PARAGRAPHS.slice(0, 2).join('\n\n'));
  await writeFile(at('notes/2.md'), `# Keepers\n\n${PARAGRAPHS[2] ?? ''}`);
  await writeFile(at('notes/inner/10.html'), `<p>${PARAGRAPHS[3] ?? ''}`);
  await writeFile(at('notes/photo.png'), 'PNG\0\0');
  await writeFile(
    at('rows.csv'),
    `id,english,french\n${PARAGRAPHS.map((text, i) => `${i},${text},Un phare et ${i} navires.`).join('\n')}\n`,
  );
  await writeFile(at('latin1.txt'), LATIN1);
  const files = await tinyCheckpoint(PARAGRAPHS);
  await mkdir(at('model'));
  for (const [name, bytes] of Object.entries(files)) if (bytes) await writeFile(at(`model/${name}`), bytes);
});
afterAll(() => rm(folder, { recursive: true }));

const chunks = async (...args: string[]): Promise<TextPreview> => {
  const { code, out, err } = await run('chunks', '--json', ...args);
  expect(code, err).toBe(0);
  return JSON.parse(out) as TextPreview;
};

describe('chunks', () => {
  test('shows files and folders together, each file a document, in words', async () => {
    const { code, out, err } = await run('chunks', '--file', at('notes'), '--file', at('latin1.txt'), '--top', '3');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^4 documents, \d+ chunks; \d+ have a partner\na document is a file \(guessed\); possible: line \d+, paragraph 10, .*file 4, whole 1\n/,
    );
    expect(out).toMatch(/\n1 {2}latin1\.txt .*\n2 {2}1\.txt .*\n3 {2}2\.md .*\nand 1 more document\n$/);
    expect(err).toContain('Windows-1252');
    expect(err).toContain('notes/photo.png');
  });

  test('takes the unit, the column and the length that it is told', async () => {
    expect(await chunks('--file', at('latin1.txt'))).toMatchObject({
      unit: 'paragraph',
      isGuessed: true,
      documentCount: 6,
      isLengthChosen: true,
    });
    expect(await chunks('--file', at('latin1.txt'), '--documents', 'whole')).toMatchObject({
      unit: 'whole',
      isGuessed: false,
      documentCount: 1,
    });
    expect(await chunks('--file', at('latin1.txt'), '--chunkTokens', '200')).toMatchObject({
      isLengthChosen: false,
      chunkCount: 6,
    });
    expect((await chunks('--file', at('rows.csv'))).columns).toEqual({
      columns: ['english', 'french'],
      chosen: 'english',
    });
    const french = await chunks('--file', at('rows.csv'), '--column', 'french');
    expect(french.documents[4]?.text).toBe('Un phare et 4 navires.');
    const { code, err } = await run('chunks', '--file', at('rows.csv'), '--documents', 'chapter');
    expect([code, err]).toEqual([1, expect.stringMatching(/A document is.*auto, paragraph, section/)]);
  });

  test('counts in the tokens of a checkpoint', async () => {
    expect(await chunks('--file', at('latin1.txt'), '--model', at('model'))).toMatchObject({
      countedIn: 'checkpoint',
      documentCount: 6,
    });
  });
});

describe('what should be known of a text is said by every command that reads it', () => {
  const file = ['--file', ''];
  beforeAll(() => (file[1] = at('latin1.txt')));

  test('train, which reads rows and files together', async () => {
    const json = await run('train', ...TINY, ...file, '--file', at('rows.csv'), '--steps', '1', '--json');
    expect(json.err).toMatch(/^note: .*Windows-1252/m);
    expect(lines(json.out).length).toBeGreaterThan(0);
  });
  test('embed, which keeps the letters', async () => {
    const { code, out, err } = await run('embed', '--model', at('model'), ...file, '--query', 'café', '--top', '9');
    expect(code).toBe(0);
    expect(err).toMatch(/note: .*Windows-1252/);
    expect(out).toMatch(/Le café ferme à minuit\./);
  });
  test('plan, with a checkpoint and without', async () => {
    expect((await run('plan', ...TINY, ...file)).err).toMatch(/note: .*Windows-1252/);
    expect((await run('plan', '--model', at('model'), ...file, '--chunks', '4')).err).toMatch(/note: .*Windows-1252/);
  });
});
