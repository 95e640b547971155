import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STOPPED, WORKER_LOST, type LabError, type LabFailure } from '../../../src/lab/door/labError.ts';
import { configure } from '../../../src/settings/configuration.ts';
import { preset } from '../../../src/settings/presets.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { Session } from '../../../src/ui/state/session.svelte.ts';
import { inventedRun } from '../../browser/support/inventedRun.ts';
import { fakeLab, settled, type FakeLab } from '../fakeLab.ts';

const REFUSED: LabError = { kind: 'badInput', message: 'It is empty.', action: 'Type something.' };

let lab: FakeLab;
let draft: Draft;
let session: Session;

beforeEach(() => {
  lab = fakeLab();
  draft = new Draft();
  session = new Session(draft);
});
afterEach(() => session.close());

const typed = (title: string, text: string) => ({ title, files: [{ name: title, text }] });
const types = () => lab.sent.map(({ type }) => type);

/** A run that was trained to a step and stands still. */
async function trained(to: number): Promise<void> {
  void session.train();
  lab.accept();
  await settled();
  lab.steps(session.step + 1, to);
  lab.rest();
  await settled();
  expect(session.step).toBe(to);
}

describe('Train', () => {
  test('goes on with the run that is on while nothing else is chosen', async () => {
    await trained(3);
    void session.train();
    await settled();
    expect(types()).toEqual(['configure', 'train', 'train']);
  });

  test.each([
    ['another preset', () => draft.choosePreset('facts-uniform')],
    ['another text', () => draft.chooseSource('kitchen')],
    ['another setting', () => draft.set('temperature', '0.5')],
  ])('begins another run once %s is chosen, and that is the one on the page', async (_what, choose) => {
    await trained(3);
    const before = session.history;
    choose();
    expect(session.waitingChanges).toBeGreaterThan(0);
    void session.train();
    await settled();
    expect(lab.sent.at(-1)).toMatchObject({ type: 'configure', configuration: draft.configuration });
    lab.accept();
    await settled();
    expect(types().slice(-2)).toEqual(['configure', 'train']);
    lab.steps(1, 2);
    expect(session.step).toBe(2);
    expect(session.configuration).toEqual(draft.configuration);
    expect(session.history).not.toBe(before);
    expect(before.lastStep, 'the run before is kept as it was').toBe(3);
  });

  test('trains on what was typed just before it was pressed, though that comes in after the press', async () => {
    draft.chooseSource('text');
    session.reader.replace(typed('', 'Mine.'));
    void session.train();
    await settled();
    session.takeText(typed('', 'Mine, and more.'), 'keyboard');
    lab.asked('configure')[0]?.fail(STOPPED);
    await settled();
    expect(session.isBusy).toBe(true);
    lab.accept();
    await settled();
    expect(types()).toEqual(['configure', 'configure', 'train']);
    expect(lab.sent[1]).toMatchObject({ text: { files: [{ text: 'Mine, and more.' }] } });
  });

  test('goes on once what was changed is as it was', async () => {
    await trained(3);
    const { configuration } = draft;
    draft.choosePreset('facts-uniform');
    draft.adopt(configuration);
    void session.train();
    await settled();
    expect(types().slice(1)).toEqual(['train', 'train']);
  });

  test('goes on once the text that was typed over stands there again', async () => {
    draft.chooseSource('text');
    const mine = typed('', 'Mine.');
    session.reader.replace(mine);
    await trained(3);
    session.reader.keep(typed('', 'Mine. And more.'));
    expect(session.waitingChanges).toBe(1);
    session.reader.keep({ ...mine });
    expect(session.waitingChanges).toBe(0);
    void session.train();
    await settled();
    expect(types().at(-1)).toBe('train');
  });

  test('asks nothing of text that is not read', async () => {
    draft.chooseSource('facts');
    await trained(3);
    session.reader.replace(typed('Mine', 'Another text.'));
    void session.train();
    await settled();
    expect(types().slice(1)).toEqual(['train', 'train']);
  });

  test('says why when what is chosen is refused, and the run before stays', async () => {
    await trained(3);
    draft.choosePreset('facts-uniform');
    void session.train();
    await settled();
    lab.asked('configure').at(-1)?.fail(REFUSED);
    await settled();
    expect(session.error).toEqual(REFUSED);
    expect([session.errorStoppedRun, session.isBusy, session.step]).toEqual([true, false, 3]);
    expect(types()).toEqual(['configure', 'train', 'configure']);
  });

  test('that is called off while the text is prepared is not taken up when that is done', async () => {
    void session.train();
    session.pause();
    expect(lab.asked('configure')[0]?.isStopped).toBe(true);
    lab.asked('configure')[0]?.fail(STOPPED);
    await settled();
    expect(types()).toEqual(['configure', 'pause']);
    expect([session.error, session.isBusy]).toEqual([undefined, false]);
  });

  test('pressed again before the pause is answered begins anew', async () => {
    void session.train();
    session.pause();
    void session.train();
    lab.asked('configure')[0]?.fail(STOPPED);
    lab.accept();
    await settled();
    expect(types()).toEqual(['configure', 'pause', 'configure', 'train']);
  });

  test('shows what stopped it', async () => {
    await trained(3);
    void session.train();
    await settled();
    const error = { kind: 'diverged', message: 'The loss is NaN.', action: 'Lower the learning rate.' } as const;
    lab.say({ type: 'state', state: 'paused', detail: error.message });
    lab.asked('train').at(-1)?.fail(error);
    await settled();
    expect([session.error, session.isBusy]).toEqual([error, false]);
  });
});

describe('what is chosen twice', () => {
  test('is asked for once, and what it overtakes is stopped', async () => {
    session.prepare();
    draft.choosePreset('facts-uniform');
    session.prepare();
    void session.train();
    expect(lab.asked('configure').map(({ isStopped }) => isStopped)).toEqual([true, false]);
    lab.asked('configure')[0]?.fail(REFUSED);
    lab.accept();
    await settled();
    expect(session.error, 'what was overtaken concerns nobody').toBeUndefined();
    expect(types()).toEqual(['configure', 'configure', 'train']);
  });
});

describe('a saved run that is put back', () => {
  const configuration = configure({ seed: 7 });
  const { corpus } = inventedRun(1);
  const resumed = {
    id: 'one',
    isCopy: false,
    without: undefined,
    configuration,
    text: undefined,
    title: undefined,
    step: 20,
    run: undefined,
    corpus,
  };

  test('becomes what is chosen, and Train goes on with it', async () => {
    const answer = session.ask({ type: 'resumeRun', id: 'one' });
    void session.train();
    await settled();
    expect(types(), 'Train waits for it').toEqual(['resumeRun']);
    lab.asked('resumeRun')[0]?.answer(resumed);
    await answer;
    await settled();
    expect([draft.configuration, session.step, session.kind]).toEqual([configuration, 20, 'live']);
    expect(types()).toEqual(['resumeRun', 'train']);
  });

  test('that cannot be read is no error of the run on the page', async () => {
    await trained(3);
    const answer = session.ask({ type: 'resumeRun', id: 'one' });
    lab.asked('resumeRun')[0]?.fail({ ...REFUSED, message: 'It is cut off.' });
    await expect(answer).rejects.toThrow('It is cut off.');
    await settled();
    expect([session.error, session.step]).toEqual([undefined, 3]);
  });
});

describe('a worker that breaks', () => {
  test('is said, and the next Train starts another', async () => {
    await trained(3);
    void session.train();
    await settled();
    lab.crash('out of memory');
    await settled();
    expect(session.error?.message).toBe('The worker stopped: out of memory.');
    expect([session.state, session.isBusy]).toEqual(['failed', false]);
    void session.train();
    await settled();
    expect(types().slice(-2)).toEqual(['train', 'configure']);
  });
});

describe('a worker that is silent', () => {
  test('is ended when the reader says so, and the next Train starts another', async () => {
    await trained(3);
    void session.train();
    const found = session.ask({ type: 'search', query: 'bread', limit: 3 }).catch((cause: LabFailure) => cause.error);
    await settled();
    session.endSilent();
    expect(session.isBusy, 'it has not been found silent').toBe(true);
    lab.say({ type: 'silent', isSilent: true });
    expect(session.isSilent).toBe(true);
    session.endSilent();
    await settled();
    expect(await found).toEqual(WORKER_LOST);
    expect([session.isSilent, session.isBusy, session.state, session.error]).toEqual([
      false,
      false,
      'failed',
      WORKER_LOST,
    ]);
    void session.train();
    await settled();
    expect(types().slice(-3)).toEqual(['search', 'train', 'configure']);
  });

  test('that answers again is left alone', () => {
    lab.say({ type: 'silent', isSilent: true });
    lab.say({ type: 'silent', isSilent: false });
    expect(session.isSilent).toBe(false);
  });
});

test('what is asked of the run waits until what is chosen is there; a setting that cannot be used is said', async () => {
  draft.choosePreset('prose');
  const ready = session.settle();
  expect(lab.sent).toMatchObject([{ type: 'configure', configuration: preset('prose').configuration }]);
  lab.asked('configure')[0]?.fail(REFUSED);
  await expect(ready).rejects.toThrow('It is empty.');
  draft.set('temperature', 'warm');
  await expect(session.settle()).rejects.toMatchObject({ error: { kind: 'badSetting', setting: 'temperature' } });
});
