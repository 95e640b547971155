import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LabError } from '../../src/lab/door/labError.ts';
import { Draft } from '../../src/ui/panels/settings/draft.svelte.ts';
import { TakeHome } from '../../src/ui/panels/takeHome/takeHome.svelte.ts';
import { shapeWords } from '../../src/ui/panels/takeHome/words.ts';
import { Session } from '../../src/ui/state/session.svelte.ts';
import { fakeLab, settled, type FakeLab } from './fakeLab.ts';

const SETTINGS = { trained: 'lora', rank: 4, alpha: 8, loraTargets: 'q,v' } as const;
const REFUSED: LabError = { kind: 'badInput', message: 'It has rank 4.', action: '', settings: SETTINGS };
const FILES = [{ path: 'adapters.zip', blob: new File(['PK'], 'adapters.zip') }];

let lab: FakeLab;
let draft: Draft;
let session: Session;
let takeHome: TakeHome;

beforeEach(async () => {
  lab = fakeLab();
  vi.stubGlobal('navigator', {});
  draft = new Draft();
  session = new Session(draft);
  takeHome = new TakeHome(session, draft);
  session.prepare();
  lab.accept();
  await settled();
});
afterEach(() => session.close());

test('adapters of another shape are put under a run that is begun for them, also in the place of one that is on', async () => {
  void session.train();
  await settled();
  lab.steps(1, 3);
  lab.rest();
  void takeHome.importAdapters(FILES);
  await settled();
  lab.asked('importAdapters')[0]?.fail(REFUSED);
  await settled();
  expect(takeHome.requests.errorOf('importAdapters')?.settings).toEqual(SETTINGS);
  const asked = lab.asked('configure').length;

  void takeHome.importIntoNewRun(SETTINGS);
  await settled();
  expect(lab.asked('configure').slice(asked)).toMatchObject([{ command: { configuration: SETTINGS } }]);
  expect(lab.asked('importAdapters'), 'not before the run is there').toHaveLength(1);
  lab.accept();
  await settled();
  const again = lab.asked('importAdapters')[1];
  expect(again?.command.files).toEqual(FILES);
  again?.answer({ detail: 'Adapters of the retriever are loaded.' });
  await settled();
  expect(takeHome.imported).toBe('Adapters of the retriever are loaded.');
  expect([takeHome.requests.errorOf('importAdapters'), draft.configuration.loraTargets]).toEqual([undefined, 'q,v']);
});

test('a shape reads as people say it', () => {
  expect(shapeWords(SETTINGS)).toBe('rank 4, alpha 8 on q, v');
});
