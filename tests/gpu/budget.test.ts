import { expect, test } from 'vitest';
import { BudgetEstimator } from '../../src/gpu/budget.ts';

/** Time for the work alone, without what every dispatch costs. */
const share = (budget: BudgetEstimator, kernel: string, work: number) =>
  budget.estimate(kernel, work) - budget.estimate(kernel, 0);

test('estimates grow with the work, from a first guess that is slow', () => {
  const budget = new BudgetEstimator();
  expect(budget.estimate('add/forward', 0)).toBeGreaterThan(0);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(1, 10);
  expect(share(budget, 'add/forward', 2e8)).toBeCloseTo(100, 8);
});

test('a measured submit moves the rate half way, on a log scale, towards what it showed', () => {
  const budget = new BudgetEstimator();
  budget.observeSubmit(2e6, 1, 0.25);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(1 / 2, 10);
  budget.observeSubmit(2e6, 1, 4);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(1, 10);
  // One wild measurement counts as a factor of 8 at most, either way.
  budget.observeSubmit(2e6, 1, 1e9);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(Math.sqrt(8), 8);
  budget.observeSubmit(2e6, 1e9, 1);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(1, 8);
});

test('submits that say nothing are left out', () => {
  const budget = new BudgetEstimator();
  budget.observeSubmit(0, 1, 5);
  budget.observeSubmit(1, 0, 5);
  budget.observeSubmit(1, 5, 0);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(1, 10);
});

test('a kernel measured by itself has its own rate, which later submits correct too', () => {
  const budget = new BudgetEstimator();
  budget.observeKernel('gemm/tiled', 3e7, 3);
  expect(share(budget, 'gemm/tiled', 1e7)).toBeCloseTo(1, 8);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(1, 8);
  // Browsers round timestamps to 0.1 ms: what is shorter says nothing.
  budget.observeKernel('gemm/tiled', 1, 0.1);
  budget.observeKernel('gemm/tiled', 0, 5);
  expect(share(budget, 'gemm/tiled', 1e7)).toBeCloseTo(1, 8);
  budget.observeSubmit(1, 1, 4);
  expect(share(budget, 'gemm/tiled', 1e7)).toBeCloseTo(2, 8);
  expect(share(budget, 'add/forward', 2e6)).toBeCloseTo(2, 8);
});
