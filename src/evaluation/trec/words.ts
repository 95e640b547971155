import { quoted } from '../../base/quote.ts';
import { CollectionError } from '../errors.ts';

/** @returns the id. @throws CollectionError for one with a space in it: columns of TREC's files end at spaces. */
export function requireWord(id: string): string {
  if (/\s/.test(id))
    throw new CollectionError(`The id ${quoted(id)} has a space in it, which files of TREC's format cannot hold.`);
  return id;
}
