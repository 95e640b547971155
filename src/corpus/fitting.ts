import { chunkParagraphs, MINIMUM_CHUNK_TOKENS, type TokenCounter } from './chunking.ts';

/** A chunk of fewer tokens or characters says too little to be found by: about four words. */
export const LEAST_CHUNK_TOKENS = 6;
export const LEAST_CHUNK_CHARACTERS = 20;
/** Documents of fewer tokens have no say in the length for all, unless all are so short: a few lines would shorten every chunk. */
const LEAST_VOTING_TOKENS = 20;
/** Shorter than this no chunk length is chosen by itself. */
const LEAST_LENGTH = 12;
/** So many of the documents that can be cut at all are to have two chunks at the length chosen for all … */
const SHARE_WITH_TWO = 0.75;
/** … and a document of so many times that length has two of a fair size. */
const LENGTHS_FOR_TWO = 1.5;
/** Where a shorter document is cut in two: the first share that does it. */
const CUTS = [0.55, 0.65, 0.75];
/** Documents of more characters than this per token of the longest chunk are long enough without counting. */
const LONG_CHARACTERS = 48;

/** Tokens of a document, or Infinity where it is long for chunks of so many. */
export function documentTokens(paragraphs: readonly string[], maxTokens: number, count: TokenCounter): number {
  const characters = paragraphs.reduce((sum, { length }) => sum + length, 0);
  if (characters > LONG_CHARACTERS * maxTokens) return Infinity;
  return paragraphs.reduce((sum, paragraph) => sum + count(paragraph.replace(/\s+/g, ' ').trim()), 0);
}

/**
 * A length at which most documents make at least two chunks, so that their chunks have partners.
 * @param lengths tokens of each document. @param most no longer than this. @returns tokens of a chunk.
 */
export function fittingLength(lengths: readonly number[], most: number): number {
  const atLeast = (least: number) => lengths.filter((length) => length >= least).sort((a, b) => a - b);
  const voting = atLeast(LEAST_VOTING_TOKENS);
  const divisible = voting.length > 0 ? voting : atLeast(2 * LEAST_CHUNK_TOKENS);
  const short = divisible[Math.floor((1 - SHARE_WITH_TWO) * divisible.length)] ?? Infinity;
  return Math.min(most, Math.max(LEAST_LENGTH, Math.floor(short / LENGTHS_FOR_TWO)));
}

/**
 * Cuts a document at the length chosen for all; one that is too short for two such chunks is cut in two where neither says
 * too little.
 * @param tokens of the document, by documentTokens.
 */
export function fittedChunks(
  paragraphs: readonly string[],
  tokens: number,
  length: number,
  count: TokenCounter,
): string[] {
  const whole = chunkParagraphs(paragraphs, length, count);
  if (whole.length !== 1 || tokens < 2 * LEAST_CHUNK_TOKENS) return whole;
  for (const share of CUTS) {
    const halves = chunkParagraphs(paragraphs, Math.max(MINIMUM_CHUNK_TOKENS, Math.ceil(share * tokens)), count);
    if (
      halves.length === 2 &&
      halves.every((half) => half.length >= LEAST_CHUNK_CHARACTERS && count(half) >= LEAST_CHUNK_TOKENS)
    )
      return halves;
  }
  return whole;
}
