/** A stretch of a lesson's text. */
export interface Stretch {
  readonly kind: 'words' | 'strong' | 'formula';
  readonly text: string;
}

/** Reads **strong** words and $formulas$ out of a paragraph. */
export function readMarkup(paragraph: string): Stretch[] {
  return paragraph
    .split(/(\*\*[^*]+\*\*|\$[^$]+\$)/)
    .filter((text) => text !== '')
    .map((text) => {
      if (/^\*\*[^*]+\*\*$/.test(text)) return { kind: 'strong', text: text.slice(2, -2) };
      if (/^\$[^$]+\$$/.test(text)) return { kind: 'formula', text: text.slice(1, -1) };
      return { kind: 'words', text };
    });
}
