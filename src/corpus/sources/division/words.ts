const TITLE_WORDS = 6;
const TITLE_CHARACTERS = 60;
/** A line without spaces may be megabytes long; no more of it is looked at for a title. */
const LOOKED_AT = 400;

export function wordCount(text: string): number {
  let words = 0;
  let isInside = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isSpace = code === 32 || (code >= 9 && code <= 13) || code === 0xa0;
    if (!isSpace && !isInside) words++;
    isInside = !isSpace;
  }
  return words;
}

/** The first words of a text, as the title of a document that has none. */
export function openingWords(text: string): string {
  const start = text.slice(0, LOOKED_AT).trim();
  const opening = start.split(/\s+/).slice(0, TITLE_WORDS).join(' ').slice(0, TITLE_CHARACTERS);
  return opening.length < start.length || text.length > LOOKED_AT ? `${opening}…` : opening;
}
