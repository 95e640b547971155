/**
 * What was measured, and so may be promised. Where each figure comes from stands in the README under "What it learns" and in
 * docs/METHOD.md; what was not measured is not said.
 */

/** Two small models on the built-in essays, held-out recall@1 after 50 to 99 steps. */
export const SMALL_ON_PROSE =
  'From scratch, a language model reads any neighbour about as well as the right one. On the built-in essays recall@1 on ' +
  'held-out text stayed at chance or below (0.08 to 0.14, by chance 0.14 to 0.16; TF-IDF 0.34 to 0.45).';

/** The preset "gentle" on SmolLM2-135M-Instruct and three texts: docs/METHOD.md, "What gentle rests on", Training. */
export const GENTLE_ON_PROSE =
  'Measured with SmolLM2-135M on three texts: of held-out chunks 0.68 to 0.72 found their partner first before training, 0.73 to ' +
  '0.80 after 20 steps, 0.76 to 0.83 after 120 (TF-IDF with the same half of the chunk 0.50 to 0.67, chance 0.14).';

/** The preset "paper" on the same checkpoint: loss with context and alone. */
export const PAPER_ON_PROSE =
  'At full strength in all layers the loss jumps from 5.5 to 10.8 and was at 10.7 after eight steps; the paper trained 10,000.';
