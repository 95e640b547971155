import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import type { Session } from '../../../src/ui/state/session.svelte.ts';
import { View } from '../../../src/ui/state/view.svelte.ts';
import { describe as describeMoment } from '../../../src/ui/state/sentences/sentence.ts';
import { Stage } from '../../../src/ui/state/stage.svelte.ts';
import { seededRandom } from '../../harness/numerics.ts';
import { metrics, record, REVELA, runOf } from '../records.ts';

/** What the view looks at of a session: a run of 300 steps, with a picture of every hundredth. */
function sessionOf(steps = 300) {
  const numbers = Array.from({ length: steps }, (_, i) => metrics(i + 1));
  const pictures = numbers.filter(({ step }) => step === 1 || step % 100 === 0).map(({ step }) => record(step));
  const history = History.from({ ...runOf(pictures), metrics: numbers });
  const session = { history, revision: 0, kind: 'recorded', state: 'idle', redraw: () => void session.revision++ };
  return session;
}

function viewOf(session: object): View {
  return new View(session as Session, { configuration: configure({}) });
}

describe('the picture', () => {
  test('is of the step looked at: who travels arrives where there is one', () => {
    const view = viewOf(sessionOf());
    const arrivals = [200, 293, 300, 1, 0, 150, 5000].map((step) => {
      view.travel(step);
      return [view.step, view.record?.metrics.step];
    });
    expect(arrivals).toEqual([200, 300, 300, 1, 1, 100, 300].map((step) => [step, step]));
  });

  test('comes next for whoever takes a small step forward, and before for one back', () => {
    const view = viewOf(sessionOf());
    view.travel(100);
    view.travel(101);
    expect(view.step).toBe(200);
    view.travel(199);
    expect(view.step).toBe(100);
    view.travel(99);
    expect(view.step).toBe(1);
  });

  test('is none of an empty run', () => {
    const view = viewOf({ ...sessionOf(), history: new History(REVELA) });
    expect([view.record, view.step]).toEqual([undefined, 0]);
  });

  test('of another run is its own: where somebody had travelled to in the one before says nothing of it', () => {
    const session = sessionOf();
    const view = viewOf(session);
    view.travel(100);
    session.history = sessionOf(200).history;
    session.revision++;
    expect([view.chosenStep, view.step, view.moment.last]).toEqual([undefined, 200, 200]);
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
    void view.play();
    view.stop();
    void view.play();
    frame(0);
    expect(frames).toHaveLength(1);
    frame(1000);
    expect([view.chosenStep, view.step]).toEqual([1 + view.speed, 1]);
  });

  test('ends with the run that is played', () => {
    const session = sessionOf();
    const view = viewOf(session);
    void view.play();
    frame(0);
    session.history = sessionOf().history;
    frame(100);
    expect(view.playing).toBe(false);
    expect(frames).toHaveLength(0);
  });
});

test('at every moment, whatever happens, all that is shown is of one step of one run', () => {
  vi.stubGlobal('requestAnimationFrame', (draw: (now: number) => void) => setTimeout(() => draw(performance.now()), 0));
  const random = seededRandom(11);
  const stage = new Stage();
  const session = {
    stage,
    state: 'running',
    configuration: configure({}),
    get kind() {
      return stage.kind;
    },
    get history() {
      return stage.history;
    },
    get revision() {
      return stage.revision;
    },
    redraw: () => void stage.revision++,
  };
  const view = viewOf(session);
  let step = 0;
  const happenings = [
    () => stage.addStep(record(++step), configure({})),
    () => stage.addStep(record(++step), configure({})),
    () => stage.addEvaluation({ step, recallAt1: random() }),
    () => session.redraw(),
    () => view.travel(Math.floor(random() * (step + 2))),
    () => view.follow(),
    () => view.play(),
    () => view.stop(),
    () => {
      if (random() > 0.1) return;
      step = 0;
      stage.begin(configure({}));
      session.redraw();
    },
    () => {
      if (random() > 0.1) return;
      stage.show({ name: 'kept', history: sessionOf().history, configuration: configure({}), corpus: undefined });
    },
    () => stage.comeBack(),
  ];
  for (let i = 0; i < 1500; i++) {
    happenings[Math.floor(random() * happenings.length)]!();
    const { moment } = view;
    expect(view.step).toBe(view.record?.metrics.step ?? 0);
    expect([moment.step, moment.record]).toEqual([view.step, view.record]);
    expect(moment.history).toBe(view.reach.history);
    expect(moment.last).toBe(view.reach.last);
    expect(view.step).toBeLessThanOrEqual(moment.last);
    if (moment.evaluation) expect(moment.evaluation.step).toBeLessThanOrEqual(view.step);
    if (moment.record && view.chosenStep === undefined) expect(moment.step).toBe(moment.last);
    if (!moment.picture) continue;
    const sentence = describeMoment({
      configuration: session.configuration,
      moment,
      picture: moment.picture,
      isMoving: view.isMoving,
      order: view.places,
    });
    // Of the steps up to this one, and no others.
    const [, steps] = /last (\d+) steps/.exec(sentence.text) ?? [];
    if (steps !== undefined) expect(Number(steps)).toBe(Math.min(20, view.step));
  }
  vi.unstubAllGlobals();
});
