import { MIN_TEMPERATURE } from '../batchAttention.ts';
import type { OpTape } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import type { Tensor } from './tensor.ts';

/** What a cell of similarities [B, C] is to a contrastive loss. The kernels know the numbers too. */
export const ROLE = { leftOut: 0, negative: 1, positive: 2 } as const;

/** The cells of similarities [B, C] by what they are. */
export interface Cells {
  /** A ROLE of each, [B · C], row-major. */
  readonly roles: Uint32Array<ArrayBuffer>;
  /** Places of the positives in it, ascending. */
  readonly positives: Uint32Array<ArrayBuffer>;
  readonly negativeCount: number;
}

/**
 * Sorts the cells of similarities by their roles.
 * @throws Error when the roles are not as many as the similarities, none of them is positive, or the temperature is below
 * MIN_TEMPERATURE.
 */
export function cellsOf(similarity: Tensor, roles: Uint32Array<ArrayBuffer>, temperature: number): Cells {
  if (similarity.shape.length !== 2 || roles.length !== similarity.size)
    throw new Error(`${roles.length} roles do not fit similarities of shape [${similarity.shape.join(', ')}].`);
  if (!(temperature >= MIN_TEMPERATURE))
    throw new Error(`The temperature is ${temperature}; it must be at least ${MIN_TEMPERATURE}.`);
  const positives = Uint32Array.from(
    Array.from(roles, (role, at) => (role === ROLE.positive ? at : -1)).filter((at) => at >= 0),
  );
  if (positives.length === 0) throw new Error('Similarities without a positive have no loss.');
  const negativeCount = roles.reduce((sum, role) => sum + Number(role === ROLE.negative), 0);
  return { roles, positives, negativeCount };
}

/**
 * The gradient of a loss over cells: ∂L/∂S (+)= g · pull · scale, with `pull` [B, C] from the loss's forward pass and g [1] what
 * arrived at the loss.
 */
export function pullBack(
  runtime: Runtime,
  tape: OpTape,
  { similarity, pull, gradient, scale }: { similarity: Tensor; pull: Tensor; gradient: Tensor; scale: number },
): void {
  const { tensor, accumulate } = tape.target(similarity);
  runtime.dispatch({
    kernel: 'cells/gradient',
    params: { count: pull.size, scale, accumulate: Number(accumulate) },
    bindings: { pull: pull.slice, gradient: gradient.slice, similarityGradient: tensor.slice },
    groups: [Math.ceil(pull.size / 64)],
    flops: 3 * pull.size,
    bytes: (accumulate ? 12 : 8) * pull.size,
  });
}
