import type { TextPreview } from '../../../lab/door/views.ts';
import { movedSplits, titleOf, withSplit } from '../../../lab/door/texts.ts';
import type { Configuration, SettingKey } from '../../../settings/configuration.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { contentOf, isBlank, type OwnText } from '../../state/readersText.svelte.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { lostCharacters } from '../../state/textLoss.ts';

/** What a text is called that was typed or pasted. */
export const PASTED = 'Pasted text';
/** Settings that a text is divided and cut by. */
const CUT_BY: readonly SettingKey[] = [
  'documentUnit',
  'column',
  'chunkFit',
  'chunkTokens',
  'chunks',
  'base',
  'checkpoint',
  'retrieverCheckpoint',
  'vocabulary',
];
/** A text is cut anew when the settings rest so long. */
const REST_MS = 150;

/** The reader's text as the page shows it before anything runs on it: files that are read, and how the text is cut. */
export class Texts {
  /** How the text is cut, or was before the last change of it; undefined while there is none. */
  preview = $state.raw<TextPreview>();
  /** The text that is of. */
  previewOf = $state.raw<OwnText>();
  /** Why what was dropped cannot be read. */
  problem = $state<string>();
  readonly requests: Requests;

  readonly isReading = $derived.by(() => this.requests.isWaiting('readFiles'));
  readonly isLooking = $derived.by(() => this.requests.isWaiting('previewText'));

  private asked: { readonly text: OwnText; readonly key: string } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
  }

  /** Reads files, and takes their text in the place of the present one. What cannot be read changes nothing. */
  async take(files: readonly PathFile[]): Promise<void> {
    this.problem = undefined;
    const given = await this.requests.askAnew({ type: 'readFiles', files });
    if (given) this.session.takeText({ title: titleOf(given), ...given }, 'file');
  }

  /** Text of one piece that is not typed: dropped words. */
  takeWords(title: string, text: string): void {
    this.problem = undefined;
    this.requests.drop('readFiles');
    this.session.takeText({ title, files: [{ name: title, text }] }, 'file');
  }

  /** What was typed into the field. Corrections of how the text is divided stay where they were made. */
  type(typed: string): void {
    this.problem = undefined;
    this.requests.forgive('readFiles');
    const { present } = this.session.reader;
    const [file] = present.files;
    if (typed === contentOf(present)) return;
    // Most of a file replaced is another text.
    const isOther = file === undefined || 2 * lostCharacters(file.text, typed) >= file.text.length;
    if (isOther) return this.session.takeText({ title: PASTED, files: [{ name: PASTED, text: typed }] }, 'keyboard');
    const splits = movedSplits(present.splits ?? [], 0, file.text, typed);
    this.session.takeText({ title: present.title, files: [{ ...file, text: typed }], splits }, 'keyboard');
  }

  /** An empty field in the place of files. */
  clear(): void {
    this.session.takeText({ title: PASTED, files: [] }, 'keyboard');
  }

  /** Makes a document begin at a place, or no longer. */
  split(file: number, at: number, begins: boolean): void {
    const { present } = this.session.reader;
    this.session.takeText({ ...present, ...withSplit(present, { file, at, begins }) }, 'keyboard');
  }

  /** Takes back all corrections by hand. */
  forgetSplits(): void {
    this.session.takeText({ ...this.session.reader.present, splits: [] }, 'keyboard');
  }

  /** Sees to it that the preview is of this text under this configuration; what it takes is asked for when both rest. */
  look(configuration: Configuration, text: OwnText): void {
    const key = JSON.stringify(CUT_BY.map((name) => configuration[name]));
    if (this.asked?.text === text && this.asked.key === key) return;
    this.asked = { text, key };
    clearTimeout(this.timer);
    if (isBlank(text)) {
      this.requests.drop('previewText');
      this.requests.forgive('previewText');
      this.preview = undefined;
      return;
    }
    this.timer = setTimeout(() => void this.ask(configuration, text, 0), REST_MS);
  }

  /** Shows the documents from one on. */
  move(configuration: Configuration, from: number): void {
    if (this.previewOf) void this.ask(configuration, this.previewOf, from);
  }

  private async ask(configuration: Configuration, text: OwnText, from: number): Promise<void> {
    const { title: _, ...given } = text;
    const preview = await this.requests.askAnew({ type: 'previewText', configuration, text: given, from });
    if (!preview) return;
    this.preview = preview;
    this.previewOf = text;
  }
}
