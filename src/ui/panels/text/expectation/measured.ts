/**
 * What was measured, and so may be promised. Where each figure comes from stands in the README under "What it learns"; what was
 * not measured is not said.
 */

/** Two small models on the built-in essays, held-out recall@1 after 50 to 99 steps. */
export const SMALL_ON_PROSE =
  'From scratch, a language model reads any neighbour about as well as the right one. On the built-in essays recall@1 on ' +
  'held-out text stayed at chance or below (0.08 to 0.14, by chance 0.14 to 0.16; TF-IDF 0.34 to 0.45).';

/** The preset "gentle" on SmolLM2-135M-Instruct and the built-in essays, one seed, 32 held-out chunks. */
export const GENTLE_ON_PROSE =
  'Measured with SmolLM2-135M on the built-in essays: 0.28 of held-out chunks ranked their partner first before training, 0.50 ' +
  'after 60 steps (by chance 0.14; TF-IDF 0.23).';

/** The preset "paper" on the same checkpoint: loss with context and alone. */
export const PAPER_ON_PROSE =
  'At full strength in all layers the loss jumps from 5.5 to 10.8 and was at 10.7 after eight steps; the paper trained 10,000.';
