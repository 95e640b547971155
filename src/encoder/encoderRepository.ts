import { ModelFileError } from '../files/formats/byteSource.ts';
import { HubError, type RepositoryAddress } from '../files/hub/hub.ts';
import { hubFiles } from '../files/hub/hubFiles.ts';
import {
  openRepository,
  type HubOptions,
  type RemoteFile,
  type RepositoryDescription,
} from '../files/hub/repository.ts';
import { ENCODER_FILES, ENCODER_WEIGHTS, readEncoder, type EncoderCard } from './encoderFiles.ts';

/** What a download of an encoder will bring, and what it is. */
export interface OfferedEncoder {
  readonly description: RepositoryDescription;
  readonly card: EncoderCard;
  /** As the hub names it: "apache-2.0"; undefined where it does not say. */
  readonly licence: string | undefined;
}

/**
 * Finds out which files of a repository make up its encoder, and reads those that say what it is: nobody pays for a download of what
 * cannot be run. Fetches no weights.
 * @throws HubError, also for an encoder that is not read here
 */
export async function describeEncoder(address: RepositoryAddress, options: HubOptions = {}): Promise<OfferedEncoder> {
  const { listed, find, commit } = await openRepository(address, options);
  const files: RemoteFile[] = [];
  for (const { name } of ENCODER_FILES) {
    const found = await find(name);
    if (found) files.push(found);
  }
  for (const { name } of ENCODER_WEIGHTS) {
    const found = await find(name);
    if (!found) continue;
    files.push(found);
    if (await find(`${name}_data`))
      throw unsuitable(address, `${name} keeps its numbers in a second file, which is not read here.`);
    break;
  }
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  const description = { ...address, commit: commit(), files, totalBytes, absent: [], packed: [] };
  try {
    const { card } = await readEncoder(hubFiles(description, options));
    return { description, card, licence: listed?.licence };
  } catch (cause) {
    throw cause instanceof ModelFileError ? unsuitable(address, cause.message) : cause;
  }
}

function unsuitable({ repository }: RepositoryAddress, why: string): HubError {
  return new HubError('unsuitable', `${repository}: ${why}`);
}
