/** A checkpoint that is offered by name: small enough for a browser, and known to work. */
export interface Offer {
  /** By which the hub and the settings know it. */
  readonly id: string;
  readonly name: string;
  /** What has to be downloaded and stored, about. */
  readonly bytes: number;
}

/** The lightest first. */
export const OFFERS: readonly [Offer, ...Offer[]] = [
  { id: 'HuggingFaceTB/SmolLM2-135M', name: 'SmolLM2-135M', bytes: 271e6 },
  { id: 'Qwen/Qwen2.5-0.5B', name: 'Qwen2.5-0.5B', bytes: 995e6 },
];
