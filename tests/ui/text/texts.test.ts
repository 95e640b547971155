import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TextPreview } from '../../../src/lab/door/views.ts';
import { ACCEPTED_FILES } from '../../../src/ui/panels/text/accepted.ts';
import { PASTED, Texts } from '../../../src/ui/panels/text/texts.svelte.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { Session } from '../../../src/ui/state/session.svelte.ts';
import { FORMATS } from '../../../src/corpus/sources/readers/readers.ts';
import { fakeLab, settled, type FakeLab } from '../fakeLab.ts';

const PREVIEW = { documentCount: 2 } as TextPreview;
const NOTES = { files: [{ name: 'notes.md', text: 'One.\n\nTwo.\n\nThree.' }] };

let lab: FakeLab;
let draft: Draft;
let session: Session;
let texts: Texts;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  lab = fakeLab();
  draft = new Draft();
  session = new Session(draft);
  texts = new Texts(session);
});
afterEach(() => {
  session.close();
  vi.useRealTimers();
});

const rested = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1000);
const files = () => [{ path: 'notes.md', blob: new File(['x'], 'notes.md') }];

async function taken(): Promise<void> {
  const reading = texts.take(files());
  lab.asked('readFiles').at(-1)?.answer(NOTES);
  await reading;
}

test('files take the place of the text once they are read, and not before', async () => {
  texts.type('Mine.');
  const reading = texts.take(files());
  expect(session.reader.present.title).toBe(PASTED);
  lab.asked('readFiles')[0]?.answer(NOTES);
  await reading;
  expect(session.reader.present).toEqual({ title: 'notes.md', ...NOTES });
  expect(session.reader.before?.title).toBe(PASTED);
});

test('files that cannot be read change nothing, and what is typed takes the complaint away', async () => {
  texts.type('Mine.');
  const reading = texts.take(files());
  lab.asked('readFiles')[0]?.fail({ kind: 'badInput', message: 'No.', action: '' });
  await reading;
  expect(session.reader.present.files[0]?.text).toBe('Mine.');
  expect(texts.requests.errorOf('readFiles')?.message).toBe('No.');
  texts.type('Mine, and more.');
  expect(texts.requests.errorOf('readFiles')).toBeUndefined();
});

test('a file that is edited stays that file, with the corrections moved along; one that is typed over is another text', async () => {
  await taken();
  texts.split(0, 6, false);
  texts.type('Zero.\n\nOne.\n\nTwo.\n\nThree.');
  expect(session.reader.present).toMatchObject({
    title: 'notes.md',
    files: [{ name: 'notes.md' }],
    splits: [{ file: 0, at: 13, begins: false }],
  });
  texts.type('Nothing of that.');
  expect(session.reader.present).toEqual({ title: PASTED, files: [{ name: PASTED, text: 'Nothing of that.' }] });
  expect(session.reader.before?.title).toBe('notes.md');
});

test('corrections are one a place, and are taken back together', async () => {
  await taken();
  texts.split(0, 6, false);
  texts.split(0, 12, true);
  texts.split(0, 6, true);
  expect(session.reader.present.splits).toEqual([
    { file: 0, at: 12, begins: true },
    { file: 0, at: 6, begins: true },
  ]);
  texts.forgetSplits();
  expect(session.reader.present.splits).toEqual([]);
});

test('a preview is asked for once when text and settings rest, and again only for what it depends on', async () => {
  await taken();
  const look = () => texts.look(draft.configuration, session.reader.present);
  look();
  look();
  draft.set('documentUnit', 'whole');
  look();
  await rested();
  expect(lab.asked('previewText').map(({ command }) => command.configuration.documentUnit)).toEqual(['whole']);
  lab.asked('previewText')[0]?.answer(PREVIEW);
  await settledNow();
  expect(texts.preview).toBe(PREVIEW);
  draft.set('learningRate', 0.01);
  look();
  await rested();
  expect(lab.asked('previewText')).toHaveLength(1);
});

test('a newer preview stops the one before; what that says counts no more', async () => {
  await taken();
  texts.look(draft.configuration, session.reader.present);
  await rested();
  draft.set('chunkFit', 'fixed');
  texts.look(draft.configuration, session.reader.present);
  await rested();
  const [first, second] = lab.asked('previewText');
  expect(first?.isStopped).toBe(true);
  second?.answer(PREVIEW);
  first?.answer({ documentCount: 7 } as TextPreview);
  await settledNow();
  expect(texts.preview).toBe(PREVIEW);
});

test('an empty text has no preview, and is asked nothing of', async () => {
  await taken();
  texts.look(draft.configuration, session.reader.present);
  await rested();
  lab.asked('previewText')[0]?.answer(PREVIEW);
  await settledNow();
  texts.clear();
  texts.look(draft.configuration, session.reader.present);
  await rested();
  expect(texts.preview).toBeUndefined();
  expect(lab.asked('previewText')).toHaveLength(1);
});

test('the file chooser offers what the lab reads', () => {
  const read = FORMATS.flatMap(({ extensions, mediaTypes }) => [...extensions.map((one) => `.${one}`), ...mediaTypes]);
  expect(ACCEPTED_FILES.split(',').sort()).toEqual(read.sort());
});

/** Promises have gone on; fakeLab's own clock stands still here. */
async function settledNow(): Promise<void> {
  const done = settled();
  await vi.advanceTimersByTimeAsync(1);
  await done;
}
