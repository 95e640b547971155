import { UsageError } from './usage.ts';

/** Why the file system did not take something, and what to do about it, by the system's name for it. */
const WRITING: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Make room there, or choose a place on another disk.',
  EDQUOT: 'your share of this disk is used up. Make room there, or choose a place on another disk.',
  EFBIG: 'this disk takes no file as large as that. Choose a place on another disk.',
  EACCES: 'you may not write there. Choose another place, or change who may write.',
  EPERM: 'you may not write there. Choose another place, or change who may write.',
  EROFS: 'this disk can only be read. Choose a place on another one.',
  EISDIR: 'it is a folder, and a file is meant. Give the name of a file.',
  ENOTDIR: 'a part of its path is a file, not a folder. Choose another place.',
  EEXIST: 'a file stands where a folder is needed. Choose another place.',
  ENOTEMPTY: 'a folder that holds other files stands there. Choose another place.',
  ENOENT: 'no file can be made there. Choose another place.',
  ENAMETOOLONG: 'its name is too long. Choose a shorter one.',
  ELOOP: 'its links lead round in a circle. Choose another place.',
  EBUSY: 'it is in use. Close what uses it, or choose another name.',
  ETXTBSY: 'it is a program that runs. Choose another name.',
  EMFILE: 'too many files are open. Close some programs.',
  ENFILE: 'too many files are open. Close some programs.',
  EIO: 'the disk does not work as it should. Choose a place on another one.',
};

const READING: Readonly<Record<string, string>> = {
  EISDIR: 'is a folder; give the path of a file.',
  EACCES: 'may not be read by you. Change who may read it, or copy it.',
  EPERM: 'may not be read by you. Change who may read it, or copy it.',
  ENOTDIR: 'is not there: a part of its path is a file, not a folder.',
  ENAMETOOLONG: 'is not there: its name is longer than names can be.',
  ELOOP: 'leads round in a circle of links.',
  EMFILE: 'cannot be opened: too many files are open. Close some programs.',
  ENFILE: 'cannot be opened: too many files are open. Close some programs.',
  EIO: 'cannot be read: its disk does not work as it should.',
  ERR_FS_FILE_TOO_LARGE: 'is larger than the 2 GB that are read at once. Give a smaller file.',
};

/** What kept a file from being written, as the end of a sentence and what to do; undefined for what the disk has no part in. */
export function writingProblem(cause: unknown): string | undefined {
  const code = codeOf(cause);
  return code === undefined ? undefined : WRITING[code];
}

/** What kept a file from being read, in words; undefined for what the disk has no part in, or where no file is named. */
export function readingProblem(cause: unknown, path = pathOf(cause)): string | undefined {
  const code = codeOf(cause);
  if (code === undefined || path === undefined) return undefined;
  if (code === 'ENOENT') return `There is no file ${path}.`;
  const reason = READING[code];
  return reason === undefined ? undefined : `${path} ${reason}`;
}

/** Awaits the reading of a file. @throws UsageError that names the file, where the disk does not give it. */
export async function reading<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    const problem = readingProblem(cause, path);
    throw problem === undefined ? cause : new UsageError(problem);
  }
}

/** The system's name of an error: ENOSPC, EACCES … */
export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

function pathOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'path' in cause && typeof cause.path === 'string' ? cause.path : undefined;
}
