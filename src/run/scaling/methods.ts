import type { Configuration } from '../../settings/configuration.ts';
import type { Axis } from './report.ts';

/** A method whose cost is measured: what it changes in the configuration at hand. */
export interface ScaledMethod {
  readonly id: string;
  readonly label: string;
  readonly overrides: Readonly<Partial<Configuration>>;
  /** Exponents that are claimed for the cost of its steps: by the paper, which speaks of B alone. */
  readonly claims: Readonly<Partial<Record<Axis, number>>>;
}

const REVELA = { objective: 'revela', attention: 'learned' } as const satisfies Partial<Configuration>;

/** In the order in which they are measured and drawn. */
export const METHODS: readonly ScaledMethod[] = [
  {
    id: 'sharp',
    label: 'Revela, sharp A (τ 0.0001)',
    overrides: { ...REVELA, temperature: 1e-4 },
    claims: { chunks: 1 },
  },
  { id: 'soft', label: 'Revela, soft A (τ 1)', overrides: { ...REVELA, temperature: 1 }, claims: {} },
  { id: 'replug', label: 'REPLUG, B (B − 1) pairs', overrides: { objective: 'replug' }, claims: { chunks: 2 } },
];
