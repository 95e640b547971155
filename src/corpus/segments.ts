/** Cutting a long text into sentences or characters in linear time. */

const segmenters = {
  sentence: new Intl.Segmenter('en', { granularity: 'sentence' }),
  grapheme: new Intl.Segmenter('en', { granularity: 'grapheme' }),
};

/** UTF-16 units given to Intl.Segmenter at once. */
const WINDOW = { sentence: 4096, grapheme: 128 };

/**
 * Segments of a text, in order; joined they are the text. In V8 a step of Intl.Segmenter costs time in proportion to the
 * whole string it was given (1.3 MB take minutes), so the text is handed over in windows. A segment that fills a whole
 * window is cut after its last space, or where the window ends.
 */
export function* segments(text: string, granularity: 'sentence' | 'grapheme'): Generator<string> {
  const segmenter = segmenters[granularity];
  let start = 0;
  while (start < text.length) {
    const end = start + WINDOW[granularity];
    const isLast = end >= text.length;
    const window = isLast ? text.slice(start) : wholeCodePoints(text.slice(start, end));
    // The last segment of a window may go on beyond it: it is kept for the next one.
    let held = '';
    let done = 0;
    for (const { segment } of segmenter.segment(window)) {
      if (held !== '') yield held;
      done += held.length;
      held = segment;
    }
    if (isLast) {
      yield held;
      return;
    }
    if (done === 0) {
      done = window.lastIndexOf(' ') + 1 || window.length;
      yield window.slice(0, done);
    }
    start += done;
  }
}

/** The text without a last surrogate whose other half was cut off: the segmenter would take it for a character. */
function wholeCodePoints(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
