import type { Configuration } from '../../../settings/configuration.ts';
import type { PartId } from './parts.ts';
import type { HeldOutName, MetricName } from './metrics.ts';

/** A lesson as its data file gives it (data/N.json), checked by readLesson(). */
export interface Lesson {
  /** A number, as in links: #lesson=3.2 is its second step. */
  readonly id: string;
  readonly title: string;
  /** What one knows after it, in a sentence. */
  readonly about: string;
  readonly steps: readonly LessonStep[];
}

export interface LessonStep {
  readonly title: string;
  /** Paragraphs: plain text with **strong** words and $formulas$. */
  readonly text: readonly string[];
  /** TeX. `\part{id}{…}` marks what stands for a part of the page. */
  readonly formula?: string;
  readonly symbols?: readonly LessonSymbol[];
  readonly actions?: readonly LessonAction[];
  /** What will be seen once an action is done. */
  readonly expect?: string;
  /** Numbers shown beside the actions while the step is read. */
  readonly watch?: readonly MetricName[];
  /** Numbers out of recorded runs. */
  readonly figures?: readonly RecordedFigure[];
  /** Parts of the page that would only distract. */
  readonly hides?: readonly PartId[];
  /** What the sentences rest on; tests/lessons holds them against the engine. */
  readonly claims?: readonly Claim[];
}

/** A symbol of the formula, in words, and the part of the page where it is seen. */
export interface LessonSymbol {
  readonly tex: string;
  readonly means: string;
  readonly part?: PartId;
}

export interface LessonAction {
  readonly label: string;
  /** Settings on top of the defaults, or of the preset. */
  readonly changes?: Readonly<Partial<Configuration>>;
  /** A preset for checkpoints: without one at hand the reader is led to where it comes from. */
  readonly preset?: string;
  readonly run?: 'step' | 'train';
  /** Training pauses at this step. */
  readonly until?: number;
  /** A recorded run (public/recorded/NAME.json) to show instead, at this step. */
  readonly recorded?: string;
  readonly step?: number;
  /** Which matrix to look at. */
  readonly matrix?: 'A' | 'S';
}

export interface RecordedFigure {
  readonly label: string;
  readonly recorded: string;
  /** The last of the run when left out. */
  readonly step?: number;
  readonly heldOut: HeldOutName;
}

export type Comparison = '<' | '>' | '=' | 'absent';

/** What can be measured on a short run of an action's configuration. */
export type ClaimMetric = MetricName | 'heldOutShift' | 'largestReading' | 'firstLayerReading';

/** A statement on what an action's configuration does within a few steps of the real engine. */
export interface EngineClaim {
  readonly action: number;
  /** 1 when left out. */
  readonly steps?: number;
  readonly metric: ClaimMetric;
  readonly is: Comparison;
  readonly value?: number;
  /** Compared with another run instead, times `factor`. */
  readonly against?: { readonly action: number; readonly steps?: number; readonly factor?: number };
  /** For `=`: absolute up to 1, relative beyond. 0 when left out. */
  readonly tolerance?: number;
}

/** A statement on a recorded run. */
export interface RecordedClaim {
  readonly recorded: string;
  readonly step?: number;
  readonly heldOut: HeldOutName;
  readonly is: Comparison;
  readonly value: number;
  readonly tolerance?: number;
}

export type Claim = EngineClaim | RecordedClaim;

/** Whether a comparison holds. NaN is what there is none of. */
export function holds(found: number, is: Comparison, wanted: number, tolerance = 0): boolean {
  switch (is) {
    case 'absent':
      return Number.isNaN(found);
    case '<':
      return found < wanted;
    case '>':
      return found > wanted;
    case '=':
      return Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    default:
      return is satisfies never;
  }
}
