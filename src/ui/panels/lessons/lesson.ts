import type { Configuration } from '../../../settings/configuration.ts';
import type { Claim, Condition } from './numbers/conditions.ts';
import type { QuantityName } from './numbers/quantities.ts';
import type { PartId } from './parts.ts';

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
  /** Paragraphs: plain text with **strong** words, $formulas$ and {marks} of the claims that a sentence rests on. */
  readonly text: readonly string[];
  /** TeX. `\part{id}{…}` marks what stands for a part of the page. */
  readonly formula?: string;
  readonly symbols?: readonly LessonSymbol[];
  readonly question?: Question;
  readonly actions?: readonly LessonAction[];
  /** Numbers of the runs of this step, side by side. */
  readonly rows?: readonly QuantityName[];
  /** The one of them that is drawn with its spread over seeds. */
  readonly plot?: QuantityName;
  /** Whether the numbers are shown to their last digit. */
  readonly exact?: boolean;
  /** Parts of the page that would only distract. */
  readonly hides?: readonly PartId[];
  /** What the sentences rest on, by marks; tests/lessons holds them against the engine. */
  readonly claims?: Readonly<Record<string, readonly Claim[]>>;
}

/** A symbol of the formula, in words, and the part of the page where it is seen. */
export interface LessonSymbol {
  readonly tex: string;
  readonly means: string;
  readonly part?: PartId;
}

/** What the reader is to foretell before a button is pressed. */
export interface Question {
  readonly ask: string;
  readonly answers: readonly Answer[];
}

/** What may happen, in words and in numbers: at most one answer of a question is true of the same runs. */
export interface Answer {
  readonly text: string;
  readonly holds: readonly Condition[];
  /** Why that happens. The one that has it is what the tests find. */
  readonly why?: readonly string[];
}

export interface LessonAction {
  readonly label: string;
  /** What its column is called. */
  readonly head?: string;
  /** Settings on top of the defaults, or of the preset. */
  readonly changes?: Readonly<Partial<Configuration>>;
  /** A preset for checkpoints: without one at hand the reader is led to where it comes from. */
  readonly preset?: string;
  /** `trial`: a short run beside the reader's own, of which numbers and pictures are all that stays. `train`: it becomes that run. */
  readonly run?: 'trial' | 'train';
  /** How many steps a trial makes: 1 when left out. */
  readonly steps?: number;
  /** How many runs a trial is, with the seeds from 0 on: 1 when left out. */
  readonly seeds?: number;
  /** A recorded run (public/recorded/NAME.json) to show instead, at this step. */
  readonly recorded?: string;
  readonly step?: number;
  /** Which matrix to look at. */
  readonly matrix?: 'A' | 'S';
}
