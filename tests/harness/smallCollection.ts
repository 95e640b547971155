// Collections of a few lines in BEIR's layout, in which query i is answered by document i.

/** A line a text, with ids d0, d1, … say. */
export function jsonRows(prefix: string, texts: readonly string[]): string {
  return texts.map((text, i) => JSON.stringify({ _id: `${prefix}${i}`, text })).join('\n');
}

/** Judgements: d0 answers q0, d1 q1, and so on. */
export function qrelsOf(queries: readonly string[]): string {
  return `query-id\tcorpus-id\tscore\n${queries.map((_, i) => `q${i}\td${i}\t1`).join('\n')}\n`;
}

export const SEA_TEXTS = [
  'The keeper wrote down every ship that passed in the night.',
  'Gulls are loud in the harbour when the boats come home.',
  'A lens of glass gathers the light of a small lamp.',
  'Fog is water that hangs in the air above a cold sea.',
  'The tide turns twice a day and takes the sand along.',
  'Nets are mended on the quay while the weather is bad.',
];
export const SEA_QUERIES = [
  'who wrote down ships',
  'loud gulls',
  'light of a lamp',
  'water in the air',
  'sand and tide',
  'bad weather',
];
