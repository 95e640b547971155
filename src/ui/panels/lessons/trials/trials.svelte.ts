import { SvelteMap } from 'svelte/reactivity';
import { LabFailure } from '../../../../lab/door/labError.ts';
import type { LabEvent } from '../../../../lab/door/protocol.ts';
import { tableOf } from '../../../../objectives/tables.ts';
import type { CorpusSummary } from '../../../../run/record.ts';
import type { Configuration } from '../../../../settings/configuration.ts';
import type { Page } from '../../../state/context.ts';
import { History } from '../../../state/history/history.ts';
import type { LessonStep } from '../lesson.ts';
import { placeFragment, type Place } from '../link.ts';
import type { Results, Values } from '../numbers/conditions.ts';
import { isOfProbe, take } from '../numbers/quantities.ts';
import { TrialLab } from './trialLab.ts';
import { trialOf } from './trialOf.ts';

/** What came of an action, and where: on this machine, where it was measured, or in a recorded run. */
export interface Outcome {
  readonly runs: readonly Values[];
  readonly from: 'here' | 'measured' | 'recorded';
}

/** A trial that is under way. */
export interface Running {
  readonly key: string;
  /** Runs that are finished, of how many. */
  readonly done: number;
  readonly of: number;
  /** Steps that the present one has made, of how many. */
  readonly step: number;
  readonly steps: number;
  /** What is done before its first step. */
  readonly detail: string;
}

/** What the reader foretold and tried in this visit: it stays beside its step, whichever is read meanwhile. */
export class Trials {
  running = $state.raw<Running>();
  private readonly outcomes = new SvelteMap<string, Outcome>();
  private readonly predictions = new SvelteMap<string, number>();
  private readonly lab = new TrialLab();
  private control: AbortController | undefined;

  constructor(private readonly page: Pick<Page, 'session' | 'view'>) {}

  predicted(place: Place): number | undefined {
    return this.predictions.get(placeFragment(place));
  }

  predict(place: Place, answer: number): void {
    this.predictions.set(placeFragment(place), answer);
  }

  outcome(place: Place, action: number): Outcome | undefined {
    return this.outcomes.get(keyOf(place, action));
  }

  results(place: Place, step: LessonStep): Results {
    return (step.actions ?? []).map((_, action) => this.outcome(place, action)?.runs);
  }

  take(place: Place, action: number, outcome: Outcome): void {
    this.outcomes.set(keyOf(place, action), outcome);
  }

  isRunning(place: Place, action: number): boolean {
    return this.running?.key === keyOf(place, action);
  }

  /** Runs an action with the seeds from 0 on; the first is shown on the page. Returns why it came to nothing, in words. */
  async run(place: Place, step: LessonStep, index: number): Promise<string | undefined> {
    const action = step.actions?.[index];
    if (!action) return undefined;
    this.stop();
    const control = new AbortController();
    this.control = control;
    const { configuration, steps, names } = trialOf(step, action);
    const { seeds = 1 } = action;
    const key = keyOf(place, index);
    const tell = (what: Partial<Running>): void => {
      if (this.control !== control) return;
      this.running = { ...(this.running ?? { key, done: 0, of: seeds, step: 0, steps, detail: '' }), ...what };
    };
    const runs: Values[] = [];
    try {
      for (let seed = 0; seed < seeds; seed++) {
        tell({ done: seed, step: 0, detail: 'Starting' });
        const chosen = configuration(seed);
        const stage =
          seed === 0
            ? this.picture(`Lesson ${place.lesson}.${place.step}: ${action.label}`, chosen, names.some(isOfProbe))
            : undefined;
        const observed = await this.lab.run(chosen, steps, {
          signal: control.signal,
          onEvent: (event, corpus) => {
            if (this.control !== control) return;
            if (event.type === 'step') tell({ step: event.record.metrics.step, detail: '' });
            if (event.type === 'state' && event.state === 'preparing') tell({ detail: event.detail });
            stage?.(event, corpus);
          },
        });
        runs.push(take(names, observed));
      }
      this.take(place, index, { runs, from: 'here' });
      return undefined;
    } catch (cause) {
      if (!(cause instanceof LabFailure)) throw cause;
      const { kind, message, action: remedy } = cause.error;
      return kind === 'stopped' ? undefined : `${message} ${remedy}`;
    } finally {
      if (this.control === control) {
        this.control = undefined;
        this.running = undefined;
      }
    }
  }

  /** Ends what is under way; nothing of it is kept. */
  stop(): void {
    this.control?.abort();
    this.control = undefined;
    this.running = undefined;
  }

  /** Ends it, and gives back the GPU's memory. */
  close(): void {
    this.stop();
    this.lab.close();
  }

  /**
   * Draws a run on the page as it is made, in place of what is shown; the reader's own waits. `withProbe`: the batch that stays the
   * same; else that of each step, whose numbers stand in the table.
   */
  private picture(
    name: string,
    configuration: Configuration,
    withProbe: boolean,
  ): (event: LabEvent, corpus: CorpusSummary | undefined) => void {
    const { session, view } = this.page;
    const history = new History(tableOf(configuration));
    return (event, corpus) => {
      if (event.type === 'evaluation') history.addEvaluation(event.evaluation);
      if (event.type === 'probe' && withProbe) {
        history.addProbe(event.of, event.batch, event.record);
        session.redraw();
      }
      if (event.type !== 'step') return;
      const isFirst = history.length === 0;
      history.add(event.record);
      if (isFirst) {
        session.show({ name, history, configuration, corpus, as: 'trial' });
        view.follow();
      } else session.redraw();
    };
  }
}

function keyOf(place: Place, action: number): string {
  return `${placeFragment(place)}/${action}`;
}
