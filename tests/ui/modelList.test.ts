import { expect, it, vi } from 'vitest';
import { LabFailure } from '../../src/lab/door/labError.ts';
import type { ModelsView } from '../../src/lab/door/views.ts';
import { Models } from '../../src/ui/panels/models/models.svelte.ts';
import type { Session } from '../../src/ui/state/session.svelte.ts';

const NONE: ModelsView = { models: [], storage: { usage: 0, quota: 1e9, persisted: false } };

/** The models of a session whose lab answers like this, one answer after the other. */
function modelsOf(...answers: (() => Promise<ModelsView>)[]) {
  const ask = vi.fn(() => answers.shift()?.() ?? Promise.reject(new Error('Asked too often.')));
  return { ask, models: new Models({ ask, listen: () => () => undefined } as unknown as Session) };
}

it('asks anew what is here after the lab refused to say, or broke', async () => {
  const error = { kind: 'storage', message: 'The disk cannot be read.', action: 'Try again.' } as const;
  const { ask, models } = modelsOf(
    () => Promise.reject(new LabFailure(error)),
    () => Promise.reject(new TypeError('The worker could not be started.')),
    () => Promise.resolve(NONE),
  );
  await models.refresh();
  expect(models.requests.errorOf('listModels')).toEqual(error);
  await expect(models.refresh()).rejects.toThrow('could not be started');
  await models.refresh();
  expect(models.list).toEqual([]);
  expect(ask).toHaveBeenCalledTimes(3);
});

it('asks once for all who wait', async () => {
  const { ask, models } = modelsOf(() => Promise.resolve(NONE));
  await Promise.all([models.refresh(), models.refresh()]);
  expect(ask).toHaveBeenCalledTimes(1);
});
