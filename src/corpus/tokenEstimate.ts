/** Letters of a word that make a token, about, in the vocabularies of today's models on prose. */
const LETTERS_PER_TOKEN = 6;

/**
 * About how many tokens a text has in a checkpoint's vocabulary, where that is not here: a token for each mark and digit, one or more
 * for a word by its length, one for each character of scripts without spaces.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let letters = 0;
  const endWord = (): void => {
    tokens += Math.ceil(letters / LETTERS_PER_TOKEN);
    letters = 0;
  };
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || (code >= 0xc0 && code < 0x2e80);
    if (isLetter) letters++;
    else {
      endWord();
      if (code > 32 && code !== 0xa0) tokens++;
    }
  }
  endWord();
  return tokens;
}
