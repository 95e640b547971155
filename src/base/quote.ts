/**
 * Characters that nobody sees and that change what one sees: controls, and the marks that turn the direction of writing
 * (Unicode's Bidi_Control: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069). With them a name can look like another.
 */
// eslint-disable-next-line no-control-regex -- controls are what is looked for
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Something that somebody else wrote, as a message quotes it: as JSON has it, no longer than `longest` characters, with unseen
 * characters spelt out. A message is for people: ten million characters in it would stop the page that shows it.
 */
export function quoted(value: unknown, longest = 80): string {
  const text = typeof value === 'string' ? JSON.stringify(cut(value, longest)) : cut(jsonOf(value), longest);
  return text.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A name that somebody else wrote, as it is shown: without unseen characters, those that divide words as spaces. */
export function plainName(name: string): string {
  return name.replace(/[\t\n\r]+/g, ' ').replace(UNSEEN, '');
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** Lists and objects by their kind where they could be large: nobody reads them in a message. */
function jsonOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const size = Array.isArray(value) ? value.length : Object.keys(value).length;
    if (size > 20) return Array.isArray(value) ? `a list of ${size}` : `an object of ${size} fields`;
  }
  return JSON.stringify(value) ?? String(value);
}
