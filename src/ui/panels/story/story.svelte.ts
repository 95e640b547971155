import type { ProbePicture } from '../../../run/record.ts';
import type { Session } from '../../state/session.svelte.ts';
import type { ShownRun } from '../../state/stage.svelte.ts';
import { load, save } from '../../state/storage.ts';
import type { View } from '../../state/view.svelte.ts';
import type { Draft } from '../settings/draft.svelte.ts';
import { chaptersOf, type Chapter, type Frames } from './chapters.ts';

/** Name under which the reader's leaving the story is kept: who left it once is not told it again unasked. */
const STORED = 'story';
/** How long a moment is held: for its picture, and for each word of its sentence. */
const PICTURE_MS = 2500;
const WORD_MS = 250;
/** How long the way from one moment to the next takes. */
const WAY_MS = 3000;

/**
 * The recorded run told in chapters. It shows a moment by taking the view there, so that all of the page is of one step, and which
 * chapter is told is read off the view: whoever travels by other means turns its pages too.
 */
export class Story {
  /** Whether it is to be told: asked for, and nothing else chosen since. */
  isOpen = $state(false);
  isPlaying = $state(false);
  /** The run it is of; undefined until that has come. */
  private run = $state.raw<ShownRun>();
  readonly chapters: readonly Chapter[] = $derived.by(() => (this.run ? chaptersOfRun(this.run) : []));
  /** Whether there is one to be told. Until the recorded run has come, that is not known, and there may be. */
  readonly exists = $derived.by(() => !this.run || this.chapters.length > 0);
  /** Whether it is told: its run is the one shown. */
  readonly isTold = $derived.by(() => {
    const { revision, history } = this.session;
    return revision >= 0 && this.isOpen && this.chapters.length > 0 && history === this.run?.history;
  });
  /** The chapter that the moment looked at belongs to: the last that has begun. */
  readonly index = $derived.by(() =>
    Math.max(
      0,
      this.chapters.findLastIndex(({ step }) => step <= this.view.step),
    ),
  );
  readonly chapter = $derived.by(() => this.chapters[this.index]);
  /** Whether what is looked at is that chapter's own moment, which its words speak of: of the batch that stays the same. */
  readonly isThere = $derived.by(
    () => this.isTold && this.chapter?.step === this.view.step && this.view.subject === 'probe',
  );

  /** How long it is from its beginning to its end, in ms. */
  readonly lengthMs = $derived.by(() =>
    this.chapters.reduce((sum, chapter) => sum + readingTime(chapter), WAY_MS * (this.chapters.length - 1)),
  );

  private isHolding = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts plays and pauses: what an earlier play still waits for is no longer done. */
  private turn = 0;
  /** The reader's own frames, from before it was opened. */
  private frames: Frames | undefined;
  /** What was chosen when it was opened. */
  private chosen: readonly unknown[] = [];

  constructor(
    private readonly session: Session,
    private readonly view: View,
    private readonly draft: Draft,
  ) {}

  /** Whether it may begin unasked: not for who left it before, nor where the address asks for something else. */
  static isWelcome(hash: string): boolean {
    return hash === '' ? load(STORED) !== 'left' : hash === '#story';
  }

  /** The recorded run has come, and is shown: it is told if it was waited for. `still`: without motion. */
  begin(run: ShownRun | undefined, still: boolean): void {
    this.run = run;
    if (!this.isOpen) return;
    if (!this.isTold) return this.giveWay();
    this.go(0);
    if (!still) this.play();
  }

  /** How the probe looked at a chapter's step. */
  pictureOf(step: number): ProbePicture | undefined {
    return this.run?.history.probe?.snapshots.find(({ metrics }) => metrics.step === step);
  }

  /** Tells it, again or for the first time, whatever is on the page. */
  open(): void {
    this.isOpen = true;
    this.chosen = this.choice();
    this.frames ??= { ...this.view.frames };
    save(STORED, null);
    if (!this.run || this.chapters.length === 0) return;
    const isElsewhere = this.session.history !== this.run.history;
    if (isElsewhere) this.session.show(this.run);
    if (isElsewhere || !this.isThere) this.go(0);
  }

  /** Leaves it to the reader, who has something else in mind. */
  giveWay(): void {
    if (!this.isOpen) return;
    this.pause();
    this.isOpen = false;
    Object.assign(this.view.frames, this.frames);
    this.frames = undefined;
    if (this.chapters.length > 0) save(STORED, 'left');
  }

  /**
   * Pauses where somebody has travelled elsewhere, and gives way where something else is shown or chosen than when it was opened. To be
   * called after each change.
   */
  follow(): void {
    if (!this.isOpen || !this.run) return;
    if (this.isHolding && !this.isThere) this.pause();
    const isElsewhere = this.session.history !== this.run.history;
    if (isElsewhere || this.choice().some((one, i) => one !== this.chosen[i])) this.giveWay();
  }

  /** Takes the view to a chapter's moment. */
  go(index: number): void {
    this.pause();
    const chapter = this.chapters[Math.min(Math.max(index, 0), this.chapters.length - 1)];
    if (chapter) this.show(chapter);
  }

  next(): void {
    this.go(this.index + 1);
  }

  /** To the beginning of the chapter, or to the one before. */
  previous(): void {
    this.go(this.isThere ? this.index - 1 : this.index);
  }

  toggle(): void {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  /** Tells it from where the view is, from the beginning when that is the end. */
  play(): void {
    if (!this.isTold) return;
    this.pause();
    const [first] = this.chapters;
    if (first && this.view.step >= (this.chapters.at(-1)?.step ?? 0)) this.show(first);
    this.isPlaying = true;
    void this.tell(++this.turn);
  }

  pause(): void {
    if (!this.isPlaying) return;
    this.turn++;
    clearTimeout(this.timer);
    this.isHolding = false;
    this.view.stop();
    this.isPlaying = false;
  }

  /** Somebody has begun to do something: whatever is not meant for the story stops it. */
  touch(event: Event): void {
    const isMeant = event instanceof KeyboardEvent ? KEYS.has(event.key) : isOfStory(event.target);
    if (!isMeant) this.pause();
  }

  private async tell(turn: number): Promise<void> {
    while (this.turn === turn) {
      if (this.isThere) await this.hold(readingTime(this.chapter));
      if (this.turn !== turn) return;
      const next = this.chapters[this.index + 1];
      if (!next) break;
      const steps = next.step - this.view.step;
      const hasArrived = await this.view.play({ to: next.step, speed: (1000 * steps) / WAY_MS });
      if (this.turn !== turn) return;
      if (!hasArrived) break;
      this.show(next);
    }
    if (this.turn === turn) this.isPlaying = false;
  }

  /** Shows a chapter's moment, with frames around the pairs that it speaks of. */
  private show({ step, frames }: Chapter): void {
    this.view.show('probe');
    // It tells what the run did.
    this.view.lens.leave();
    Object.assign(this.view.frames, frames);
    this.view.travel(step);
  }

  private hold(ms: number): Promise<void> {
    this.isHolding = true;
    return new Promise((resolve) => {
      this.timer = setTimeout(() => {
        this.isHolding = false;
        resolve();
      }, ms);
    });
  }

  private choice(): readonly unknown[] {
    const { source } = this.draft.configuration;
    return [source, this.draft.presetId, source === 'text' ? this.session.reader.present : undefined];
  }
}

/**
 * Keys that the page gives to the story while it is told, or that show it large; where something else has the focus that takes them,
 * the view moves.
 */
const KEYS: ReadonlySet<string> = new Set([' ', 'ArrowLeft', 'ArrowRight', 'p', 'P']);

/** Whether something pressed belongs to the story, which then knows by itself what to do. */
function isOfStory(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('[data-story]') !== null;
}

function readingTime(chapter: Chapter | undefined): number {
  return PICTURE_MS + WORD_MS * (chapter?.sentence.split(' ').length ?? 0);
}

function chaptersOfRun({ history, configuration }: ShownRun): Chapter[] {
  const { probe } = history;
  if (!probe) return [];
  const { chunks } = probe.batch;
  const partnered = chunks.filter(({ document }, i) => chunks.some((one, j) => j !== i && one.document === document));
  return chaptersOf({
    // Pictures are thinned: a chapter is told of one that can be shown.
    probe: probe.snapshots.map(({ metrics }) => metrics),
    evaluations: history.evaluations,
    partnered: partnered.length,
    configuration,
  });
}
