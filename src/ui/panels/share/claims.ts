import { quoted as anyQuoted } from '../../../base/quote.ts';
import { isCode } from '../../../settings/configurationCode.ts';
import { readPlace } from '../lessons/link.ts';

/** Something that stood in a link, as far as it is worth repeating. */
export function quoted(text: string): string {
  return anyQuoted(text, 24);
}

/**
 * Whether an address's fragment claims to hold settings, so that it is worth a complaint when they cannot be read: anything
 * with an equals sign, also one that was escaped on its way, but a place in the lessons.
 */
export function claims(fragment: string): boolean {
  return /=|%3d/i.test(fragment) && readPlace(fragment) === undefined;
}

/** Why a fragment that claims something cannot even be a code of settings, in words; undefined if it can. */
export function whyNoCode(fragment: string): string | undefined {
  if (/^lesson/i.test(fragment)) return 'It names no step of a lesson: such links end in #lesson=3.2, say.';
  if (isCode(fragment)) return undefined;
  return `Links to settings begin with #v=1, and this one with ${quoted(`#${fragment}`)}.`;
}
