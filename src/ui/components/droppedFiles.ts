/** A file with its path in what was chosen or dropped, with slashes; it may begin with the folder's name. */
export interface PathFile {
  readonly path: string;
  readonly blob: File;
}

/** Folders with more files than this were dropped by mistake. */
const MOST_FILES = 2000;

/** Files of an `<input type=file>`, with their paths where a folder was chosen. */
export function chosenFiles(list: Iterable<File>): PathFile[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

/**
 * All files of what was dropped, folders included. Must be called while the drop event is handled: its items are gone after it.
 * @throws Error when there are too many files, or one cannot be read.
 */
export async function droppedFiles(transfer: DataTransfer): Promise<PathFile[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  // Files that a script put there have no entries.
  if (entries.length === 0) return chosenFiles(transfer.files);
  const found: PathFile[] = [];
  for (const entry of entries) await gather(entry, found);
  return found;
}

/** The folder that all files lie in, '' when there is none. */
export function commonFolder(files: readonly { readonly path: string }[]): string {
  const folders = new Set(files.map(({ path }) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')));
  const [only = ''] = folders;
  return folders.size === 1 ? only : '';
}

async function gather(entry: FileSystemEntry, found: PathFile[]): Promise<void> {
  if (found.length >= MOST_FILES) {
    throw new Error(`There are more than ${MOST_FILES} files in it. Drop a folder that holds only what is meant.`);
  }
  if (isFile(entry)) {
    const blob = await new Promise<File>((done, fail) => entry.file(done, fail));
    found.push({ path: entry.fullPath.replace(/^\//, ''), blob });
    return;
  }
  if (!isFolder(entry)) return;
  const reader = entry.createReader();
  // A reader hands out its entries in portions, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (entries.length === 0) return;
    for (const inner of entries) await gather(inner, found);
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** What a FileChooser can be asked for: the browser's own choice of files, or of a folder. */
export interface FileChoice {
  readonly chooseFiles: () => void;
  readonly chooseFolder: () => void;
}
