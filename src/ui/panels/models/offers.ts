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
  {
    id: 'bartowski/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct-Q4_K_M.gguf',
    name: 'SmolLM2-135M-Instruct, packed',
    bytes: 105_454_432,
  },
  {
    id: 'bartowski/SmolLM2-360M-Instruct-GGUF/SmolLM2-360M-Instruct-Q4_K_M.gguf',
    name: 'SmolLM2-360M-Instruct, packed',
    bytes: 270_590_880,
  },
  { id: 'HuggingFaceTB/SmolLM2-135M', name: 'SmolLM2-135M', bytes: 271e6 },
  {
    id: 'bartowski/Qwen2.5-0.5B-Instruct-GGUF/Qwen2.5-0.5B-Instruct-Q4_K_M.gguf',
    name: 'Qwen2.5-0.5B-Instruct, packed',
    bytes: 397_808_192,
  },
  { id: 'Qwen/Qwen2.5-0.5B', name: 'Qwen2.5-0.5B', bytes: 995e6 },
];
