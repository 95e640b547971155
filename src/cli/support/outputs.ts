import { ReportedError, StorageError } from '../../base/errors.ts';
import { zipChunks, type NamedFile } from '../../files/formats/zipWriter.ts';
import { writingProblem } from './fileProblems.ts';
import { findPlace, liesIn, locate, type OutputPlace } from './outputPaths.ts';
import { UsageError } from './usage.ts';
import { writeWholeFile, writeWholeFolder, type FolderFile, type Pieces } from './wholeFiles.ts';

/** The option of every command that writes, and its line of help. */
export const FORCE_OPTION = { force: { type: 'boolean' } } as const;
export const FORCE_HELP =
  '  --force                  replace files that are there already; without it they are left alone';

/** What a command was asked to write: by option, the path or nothing. */
export interface Wanted {
  /** As on the command line: `--record`. For what stands there without an option, what it is called in the usage. */
  readonly option: string;
  readonly path: string | undefined;
  readonly kind: 'file' | 'folder';
}

export interface OutputRules {
  /** Whether files that are there may be replaced. */
  readonly force: boolean | undefined;
  /** Files and folders that the command reads, by option: they are never written over. */
  readonly inputs?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The option that goes on in the file that another option reads: no overwriting, but the same file told further. */
  readonly goesOn?: readonly [output: string, input: string];
}

/** Outputs that are not written, each with the reason. */
export class OutputError extends StorageError {
  override readonly name = 'OutputError';
}

/**
 * Everything that a command writes. All places are tried before the work begins; afterwards each output is written by
 * itself, whole or not at all, and what fails is told at the end.
 */
export class Outputs {
  readonly #places: Map<string, OutputPlace>;
  readonly #failures = new Map<string, string>();

  private constructor(places: Iterable<OutputPlace>) {
    this.#places = new Map([...places].map((place) => [place.option, place]));
  }

  /** Tries every place. @throws UsageError with a sentence for each output that cannot be written. */
  static async prepare(wanted: readonly Wanted[], { force, inputs = {}, goesOn }: OutputRules): Promise<Outputs> {
    const read = new Map<string, string>();
    for (const [option, given = []] of Object.entries(inputs))
      for (const path of [given].flat()) read.set(await locate(path).catch(() => path), option);
    const refusals: string[] = [];
    const places: OutputPlace[] = [];
    for (const { option, path, kind } of wanted) {
      if (path === undefined) continue;
      const refuse = (reason: string) => refusals.push(`${option} ${path} cannot be written: ${reason}`);
      const source = read.get(await locate(path).catch(() => path));
      const goesOnHere = goesOn?.[0] === option && goesOn[1] === source;
      const place = await findPlace({ option, path, kind, replace: force === true || goesOnHere });
      if (typeof place === 'string') refuse(place);
      else if (source !== undefined && !goesOnHere) refuse(`it is what ${source} reads. Choose another name.`);
      else {
        const clash = places.find((other) => disturbs(other, place));
        if (clash) refuse(`${clash.option} is to be written to the same place. Choose another name.`);
        else places.push(place);
      }
    }
    if (refusals.length > 0) throw new UsageError(refusals.join('\n'));
    return new Outputs(places);
  }

  /** Whether an output was asked for. */
  has(option: string): boolean {
    return this.#places.has(option);
  }

  /**
   * Writes a file, where it was asked for. @param make gives what it holds; asked only then.
   * @returns the reason in words where it failed, which `finish` tells as well.
   */
  write(option: string, make: () => Pieces | Promise<Pieces>): Promise<string | undefined> {
    return this.#attempt(option, async ({ target, replace }) => {
      await writeWholeFile(target, await make(), replace);
    });
  }

  /** Writes files: as a folder, or as one zip file where the output is a file. Otherwise as `write`. */
  writeFiles(option: string, make: () => Promise<readonly NamedFile[]>): Promise<string | undefined> {
    return this.#attempt(option, async ({ target, replace, kind }) => {
      const files = await make();
      if (kind === 'folder') await writeWholeFolder(target, files, replace);
      else await writeWholeFile(target, zipChunks(files), replace);
    });
  }

  /** Writes a folder of files that are made as they are written. Otherwise as `write`. */
  writeFolder(option: string, files: readonly FolderFile[]): Promise<string | undefined> {
    return this.#attempt(option, ({ target, replace }) => writeWholeFolder(target, files, replace));
  }

  /** @throws OutputError with a sentence for each output whose last writing failed. */
  finish(): void {
    if (this.#failures.size > 0) throw new OutputError([...this.#failures.values()].join('\n'));
  }

  async #attempt(option: string, write: (place: OutputPlace) => Promise<void>): Promise<string | undefined> {
    const place = this.#places.get(option);
    if (!place) return undefined;
    try {
      await write(place);
    } catch (cause) {
      if (cause instanceof ReportedError && cause.kind === 'stopped') throw cause;
      const failure = `${option} ${place.path} was not written: ${writingProblem(cause) ?? reasonOf(cause)}`;
      this.#failures.set(option, failure);
      return failure;
    }
    this.#failures.delete(option);
    // From here on the file is this command's own.
    this.#places.set(option, { ...place, replace: true });
    return undefined;
  }
}

/** What an error says to people; of a bug, where it is: the other outputs are written all the same. */
function reasonOf(cause: unknown): string {
  if (cause instanceof ReportedError) return cause.message;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

/** Whether two outputs cannot both be written: one place for both, or a file where the other needs a folder. */
function disturbs(a: OutputPlace, b: OutputPlace): boolean {
  if (a.target === b.target) return true;
  return (a.kind === 'file' && liesIn(b.target, a.target)) || (b.kind === 'file' && liesIn(a.target, b.target));
}
