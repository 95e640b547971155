import { afterAll, beforeEach, expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { Lab } from '../../src/lab/lab.ts';
import { STOPPED } from '../../src/lab/door/labError.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import type { TextProgress } from '../../src/lab/door/views.ts';
import { configure } from '../../src/settings/configuration.ts';
import { failureOf } from '../harness/labFailure.ts';

let events: LabEvent[] = [];
// No GPU is needed, and no run.
const lab = new Lab(undefined, (event) => events.push(event));
beforeEach(() => {
  events = [];
});
afterAll(() => lab.close());

const CONFIGURATION = configure({ source: 'text', chunks: 4 });
const PARAGRAPHS = Array.from(
  { length: 300 },
  (_, i) => `Keeper ${i} saw ship ${i} pass at night. He wrote its name into book ${i}.`,
);

test('files are read and shown with progress, and nothing is said of a run', async () => {
  const heard: TextProgress[] = [];
  const files = [
    { path: 'notes/b.txt', blob: new Blob([PARAGRAPHS[1] ?? '']) },
    { path: 'notes/a.html', blob: new Blob([`<p>${PARAGRAPHS[0] ?? ''}`]) },
  ];
  const text = await lab.ask({ type: 'readFiles', files }, { onProgress: (progress) => heard.push(progress) });
  expect(text.files).toEqual([
    { name: 'notes/a.html', text: PARAGRAPHS[0] },
    { name: 'notes/b.txt', text: PARAGRAPHS[1] },
  ]);
  const preview = await lab.ask(
    { type: 'previewText', configuration: CONFIGURATION, text },
    { onProgress: (progress) => heard.push(progress) },
  );
  expect(preview).toMatchObject({ documentCount: 2, unit: 'file', countedIn: 'text' });
  expect([...new Set(heard.map(({ detail }) => detail))]).toEqual([
    'Reading a.html',
    'Reading b.txt',
    'Reading the text',
    'Building the vocabulary',
    'Cutting the text into chunks',
  ]);
  expect(events).toEqual([]);
});

test('a text is shown whatever else is chosen: another source, a checkpoint that is not here', async () => {
  const text = pastedText('Keepers', PARAGRAPHS.join('\n\n'));
  const facts = await lab.ask({ type: 'previewText', configuration: configure({}), text });
  expect(facts.documentCount).toBe(300);
  const configuration = configure({ base: 'checkpoint', checkpoint: 'nobody/has-this' });
  expect(await lab.ask({ type: 'previewText', configuration, text })).toMatchObject({ countedIn: 'estimate' });
});

test('who has stopped waiting is told so, and what cannot be read is told in words', async () => {
  const control = new AbortController();
  const text = pastedText('Keepers', PARAGRAPHS.join('\n\n'));
  const onProgress = () => control.abort();
  const stopped = lab.ask(
    { type: 'previewText', configuration: CONFIGURATION, text },
    { signal: control.signal, onProgress },
  );
  expect(await failureOf(stopped)).toEqual(STOPPED);
  const picture = { path: 'a.png', blob: new Blob(['\0\u0001\u0002']) };
  expect(await failureOf(lab.ask({ type: 'readFiles', files: [picture] }))).toMatchObject({
    kind: 'badInput',
    message: expect.stringMatching(/^a\.png is not plain text/) as string,
  });
  const empty = lab.ask({ type: 'previewText', configuration: CONFIGURATION, text: pastedText('The text', ' \n') });
  expect(await failureOf(empty)).toMatchObject({
    kind: 'badInput',
    message: expect.stringMatching(/is empty/) as string,
  });
});
