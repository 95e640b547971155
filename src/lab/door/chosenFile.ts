/** A file that the reader chose, with its path in the folder it came from. */
export interface ChosenFile {
  readonly path: string;
  readonly blob: Blob;
}
