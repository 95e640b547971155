import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { benchGpu } from '../../bench/gpu/main.ts';
import { workFor } from '../../bench/gpu/qwenStep.ts';
import { timeBox } from '../../bench/gpu/timeBox.ts';
import { TorchError, TorchStep } from '../../bench/gpu/torchStep.ts';

const NEVER = new AbortController().signal;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'python-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** An interpreter that does this instead of what it is asked for. */
async function python(script: string): Promise<string> {
  const path = join(folder, 'python');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

test('PyTorch is told what the step is, and asked for so many of them', async () => {
  const { work } = workFor(true);
  const path = await python(`
read -r work
printf '%s' "$work" > ${folder}/work
echo '{"device": "made", "torch": "0", "parameters": 5}'
while read -r count; do echo "{\\"times\\": [$count], \\"loss\\": 7, \\"peakBytes\\": null}"; done`);
  const { step, on } = await TorchStep.open(path, work, 'bfloat16');
  expect(on).toEqual({ device: 'made', torch: '0', parameters: 5 });
  expect(await step.make(2)).toEqual({ times: [2], loss: 7, peakBytes: null });
  expect(await step.make(3)).toMatchObject({ times: [3] });
  step.close();
  const told = JSON.parse(await readFile(join(folder, 'work'), 'utf8')) as Record<string, unknown>;
  expect(told).toMatchObject({ dtype: 'bfloat16', retrieverLayers: null, configuration: { rank: 16 } });
  // Rows as this engine has them, to the token.
  expect(told.rows).toEqual(JSON.parse(JSON.stringify(work.batch.tokens)));
  expect(told.targets).toHaveLength(7);
});

test('a Python that cannot do it is told in its own last words, and one that is not there too', async () => {
  const { work } = workFor(true);
  const path = await python(`echo 'Traceback' >&2; echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`);
  await expect(TorchStep.open(path, work, 'float32')).rejects.toThrow(
    new TorchError("ModuleNotFoundError: No module named 'torch'"),
  );
  await expect(TorchStep.open(join(folder, 'none'), work, 'float32')).rejects.toThrow(/ENOENT/);
});

test('the full step is that of Qwen2.5-0.5B, 16 chunks of 160 tokens', () => {
  const { work } = workFor(false);
  expect(work.checkpoint).toMatchObject({ num_hidden_layers: 24, vocab_size: 151_936 });
  expect(work.batch.tokens.lmIds).toHaveLength(16);
  expect(work.batch.tokens.passageIds[0]).toHaveLength(160);
});

test('a time box ends by itself, with its parent, and not once it is closed', async () => {
  const parent = new AbortController();
  const box = timeBox(20, parent.signal);
  await expect.poll(() => box.signal.aborted).toBe(true);
  const other = timeBox(60_000, parent.signal);
  const closed = timeBox(60_000, parent.signal);
  closed.close();
  parent.abort();
  expect([other.signal.aborted, closed.signal.aborted]).toEqual([true, false]);
  expect(timeBox(60_000, parent.signal).signal.aborted).toBe(true);
  other.close();
});

test.each([['--minutes', '0'], ['--nonsense'], ['--python']])('what makes no sense is said: %s %s', async (...args) => {
  await expect(benchGpu(args, NEVER)).rejects.toThrow(/npm run bench -- gpu/);
});
