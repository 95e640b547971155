/** Updates that an archive has batches for where nobody says how many, and at most: a text of some gigabytes. */
export const USUAL_STEPS = 1000;
export const MOST_STEPS = 100_000;
