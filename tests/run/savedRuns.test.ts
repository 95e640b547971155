import { expect, test } from 'vitest';
import { writeSavedRun } from '../../src/files/formats/savedRun.ts';
import { StorageFullError } from '../../src/files/store/fileStore.ts';
import { SavedRuns } from '../../src/run/savedRuns.ts';
import { memoryStore, type MemoryStore } from '../harness/memoryStore.ts';

const stateAt = (step: number) => ({ step, tensors: new Map([['lm.0.m', Float32Array.of(step, 2, 3)]]) });
const chunksAt = (step: number) => writeSavedRun(stateAt(step), { title: 'The kitchen', configuration: '{}' });

/** A store with one run, saved at step 3. */
async function saved(): Promise<{ store: MemoryStore; runs: SavedRuns; files: Map<string, Uint8Array> }> {
  const store = memoryStore();
  const runs = new SavedRuns(() => Promise.resolve(store));
  await runs.save('run-1', { name: 'Small models on The kitchen', step: 3 }, await chunksAt(3), 1000);
  return { store, runs, files: store.contents.get('run-1')! };
}

const NOTE = { id: 'run-1', name: 'Small models on The kitchen', step: 3, savedAt: 1000 };
/** What the file says of itself. */
const OWN = { ...NOTE, name: 'The kitchen' };

test('a run is listed by its note, and its file found again', async () => {
  const { runs, files } = await saved();
  const bytes = files.get('step-3-1000.safetensors')!.length;
  expect(await runs.list()).toEqual([{ ...NOTE, bytes }]);
  expect((await runs.find('run-1')).source.size).toBe(bytes);
});

test('a note from before there were checksums is believed', async () => {
  const { runs, files } = await saved();
  const note = JSON.parse(new TextDecoder().decode(files.get('current.json'))) as Record<string, unknown>;
  files.set('current.json', new TextEncoder().encode(JSON.stringify({ ...note, checksum: undefined })));
  expect(await runs.list()).toMatchObject([NOTE]);
});

test('whatever bit of its note flips, a run is neither lost nor listed as another', async () => {
  const { runs, files } = await saved();
  const note = files.get('current.json')!;
  let own = 0;
  for (let bit = 0; bit < 8 * note.length; bit++) {
    const flipped = note.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    files.set('current.json', flipped);
    const [run, ...others] = await runs.list();
    expect(others).toEqual([]);
    // The checksum's own name may be what was hit: then the note is whole, and believed.
    expect([NOTE.name, OWN.name]).toContain(run?.name);
    expect(run).toMatchObject({ id: 'run-1', step: 3, savedAt: 1000 });
    expect((await runs.find('run-1')).source.size).toBe(run?.bytes);
    if (run?.name === OWN.name) own++;
  }
  expect(own).toBeGreaterThan(4 * note.length);
});

test('a note that is cut off by a full disk does not cost the save before', async () => {
  const { store, runs, files } = await saved();
  store.onWrite = (_folder, name) => {
    if (name === 'current.json') throw new DOMException('No room.', 'QuotaExceededError');
  };
  await expect(runs.save('run-1', { name: 'x', step: 4 }, await chunksAt(4), 2000)).rejects.toThrow(StorageFullError);
  files.set('current.json', new Uint8Array());
  expect([...files.keys()].sort()).toEqual(['current.json', 'step-3-1000.safetensors']);
  expect(await runs.list()).toMatchObject([OWN]);
});

test('without a note the newest whole file counts; one that is cut off, or none, is no run', async () => {
  const { store, runs, files } = await saved();
  files.delete('current.json');
  const [header, ...numbers] = await chunksAt(4);
  files.set('step-4-2000.safetensors', header!);
  expect(await runs.list()).toMatchObject([OWN]);
  files.set('step-4-2000.safetensors', new Uint8Array(await new Blob([header!, ...numbers]).arrayBuffer()));
  expect(await runs.list()).toMatchObject([{ step: 4, savedAt: 2000 }]);
  store.contents.set('empty', new Map());
  store.contents.set('other', new Map([['step-1-1.safetensors', new Uint8Array(100)]]));
  expect(await runs.list()).toHaveLength(1);
});
