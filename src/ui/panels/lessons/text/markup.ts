/** A stretch of a lesson's text. */
export interface Stretch {
  readonly kind: 'words' | 'strong' | 'formula';
  readonly text: string;
}

/** {a} or {a,b} at the end of a sentence: marks of the claims that it rests on, not shown. In formulas braces are TeX. */
const MARKS = /\{([a-z]+(?:,[a-z]+)*)\}/g;

/** Reads **strong** words and $formulas$ out of a paragraph; marks are left out. */
export function readMarkup(paragraph: string): Stretch[] {
  return split(paragraph).map((text) => {
    if (/^\*\*[^*]+\*\*$/.test(text)) return { kind: 'strong', text: text.slice(2, -2) };
    if (/^\$[^$]+\$$/.test(text)) return { kind: 'formula', text: text.slice(1, -1) };
    return { kind: 'words', text: withoutMarks(text) };
  });
}

/** Marks of claims in a paragraph, in order. */
export function marksOf(paragraph: string): string[] {
  return split(paragraph)
    .filter((text) => !text.startsWith('$'))
    .flatMap((text) => [...text.matchAll(MARKS)].flatMap(([, marks = '']) => marks.split(',')));
}

export function withoutMarks(text: string): string {
  return text.replace(MARKS, '');
}

function split(paragraph: string): string[] {
  return paragraph.split(/(\*\*[^*]+\*\*|\$[^$]+\$)/).filter((text) => text !== '');
}
