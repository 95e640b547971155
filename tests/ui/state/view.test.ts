import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import type { Session } from '../../../src/ui/state/session.svelte.ts';
import { View } from '../../../src/ui/state/view.svelte.ts';
import { metrics, record, REVELA, runOf } from '../records.ts';

/** What the view looks at of a session: a run of 300 steps, with a picture of every hundredth. */
function sessionOf(steps = 300) {
  const numbers = Array.from({ length: steps }, (_, i) => metrics(i + 1));
  const pictures = numbers.filter(({ step }) => step === 1 || step % 100 === 0).map(({ step }) => record(step));
  const history = History.from({ ...runOf(pictures), metrics: numbers });
  return { history, revision: 0, kind: 'recorded', state: 'idle' };
}

function viewOf(session: object): View {
  return new View(session as Session, { configuration: configure({}) });
}

describe('the picture', () => {
  test('is named by its own step, also where the step looked at has none', () => {
    const view = viewOf(sessionOf());
    view.travel(200);
    expect([view.step, view.pictured]).toEqual([200, 200]);
    view.travel(293);
    expect([view.step, view.pictured]).toEqual([293, 200]);
  });

  test('is none of an empty run', () => {
    expect(viewOf({ ...sessionOf(), history: new History(REVELA) }).pictured).toBeUndefined();
  });

  test('moves while the run is on or is played, and else stands still', () => {
    const session = sessionOf();
    const view = viewOf(session);
    expect(view.isMoving).toBe(false);
    session.state = 'running';
    expect(view.isMoving).toBe(true);
    session.state = 'paused';
    view.playing = true;
    expect(view.isMoving).toBe(true);
  });
});

describe('playing', () => {
  let frames: ((now: number) => void)[] = [];
  beforeEach(() => {
    frames = [];
    vi.stubGlobal('requestAnimationFrame', (draw: (now: number) => void) => frames.push(draw));
  });
  afterEach(() => vi.unstubAllGlobals());

  function frame(now: number): void {
    for (const draw of frames.splice(0)) draw(now);
  }

  test('that is stopped and begun again within a frame goes on once', () => {
    const view = viewOf(sessionOf());
    view.play();
    view.stop();
    view.play();
    frame(0);
    expect(frames).toHaveLength(1);
    frame(1000);
    expect(view.step).toBe(1 + view.speed);
  });

  test('ends with the run that is played', () => {
    const session = sessionOf();
    const view = viewOf(session);
    view.play();
    frame(0);
    session.history = sessionOf().history;
    frame(100);
    expect(view.playing).toBe(false);
    expect(frames).toHaveLength(0);
  });
});
