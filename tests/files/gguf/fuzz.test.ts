import { expect, test } from 'vitest';
import { CorpusError } from '../../../src/corpus/errors.ts';
import { TextTokenizer } from '../../../src/corpus/tokenizer/tokenizer.ts';
import { memorySource, ModelFileError, readJson, type FileLookup } from '../../../src/files/formats/byteSource.ts';
import { checkedFile, openGguf, type GgufFile } from '../../../src/files/formats/gguf/gguf.ts';
import { GgufError } from '../../../src/files/formats/gguf/ggufError.ts';
import { readHeader } from '../../../src/files/formats/gguf/header.ts';
import { folderOf } from '../../../src/files/models/gguf/ggufFolder.ts';
import { openGgufWeights } from '../../../src/files/models/gguf/ggufWeights.ts';
import { ModelConfigError, parseDecoderConfig } from '../../../src/models/config.ts';
import { ggufBytes, tinyMetadata, tinyTensors } from '../../harness/ggufFile.ts';
import { seededRandom } from '../../harness/numerics.ts';
import { CountingSource, mutatedBytes, mutatedJson, pick, type Random } from '../mutations.ts';

const TYPED = [GgufError, ModelFileError, ModelConfigError, CorpusError];
const FILE = ggufBytes(tinyMetadata(), tinyTensors());

/** Each input must be read, or be refused with one of our errors in a message of some lines. */
async function fuzz(rounds: number, seed: number, work: (random: Random) => Promise<void>) {
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < rounds; round++)
    try {
      await work(seededRandom(seed * 1_000_003 + round));
      outcomes.read++;
    } catch (cause) {
      const { message } = cause as Error;
      if (!TYPED.some((type) => cause instanceof type) || message.length > 2000)
        throw new Error(`round ${round}: ${String(cause).slice(0, 300)}`, { cause });
      outcomes.refused++;
    }
  return outcomes;
}

/** What a file stands for is sound: its tensors lie in it, its configuration and tokenizer are what is said to be one. */
async function checkSound({ tensors, source }: GgufFile, folder: FileLookup): Promise<void> {
  let end = 0;
  for (const stored of [...tensors.values()].sort((a, b) => a.begin - b.begin)) {
    if (stored.begin < end || stored.end > source.size) throw new Error(`${stored.name} lies where it cannot.`);
    end = stored.end;
  }
  parseDecoderConfig(await readJson(folder, 'config.json'));
  const [tokenizerJson, tokenizerConfig] = [
    (await readJson(folder, 'tokenizer.json')) as Record<string, unknown>,
    (await readJson(folder, 'tokenizer_config.json')) as Record<string, unknown>,
  ];
  new TextTokenizer({ tokenizerJson, tokenizerConfig }).encode('the th7');
}

test('5,000 damaged files: read, or refused, and little more is read than there is', async () => {
  const outcomes = await fuzz(5000, 1, async (random) => {
    const bytes = random() < 0.2 ? FILE.slice(0, Math.floor(random() * FILE.length)) : mutatedBytes(random, FILE);
    const source = new CountingSource('damaged.gguf', bytes);
    const file = await openGguf(source);
    await checkSound(file, await folderOf(file));
    if (source.bytesRead > source.size + 64) throw new Error(`${source.bytesRead} of ${source.size} bytes were read.`);
    const weights = await openGgufWeights(source);
    for (const name of weights.names) await weights.readFloats(name);
  });
  expect(outcomes.read).toBeGreaterThan(300);
  expect(outcomes.refused).toBeGreaterThan(2000);
});

test('25,000 headers that say what cannot be', async () => {
  const source = memorySource('lying.gguf', FILE);
  const header = await readHeader(source);
  const entries = [...header.metadata];
  // Whole numbers of 64 bits are of a type that JSON has not.
  const plain = header.tensors.map(({ lengths, offset, ...rest }) => ({
    ...rest,
    lengths: lengths.map(Number),
    offset: Number(offset),
  }));
  const whole = (value: unknown): bigint =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 ? BigInt(value) : 2n ** 63n;
  const outcomes = await fuzz(25_000, 2, async (random) => {
    const metadata = new Map(entries);
    let tensors = plain;
    if (random() < 0.7) {
      const [key, value] = pick(random, entries);
      // A list of a hundred tokens is not copied whole to change one.
      metadata.set(key, Array.isArray(value) && random() < 0.7 ? changed(random, value) : mutatedJson(random, value));
      if (random() < 0.2) metadata.delete(pick(random, entries)[0]);
    } else {
      const at = Math.floor(random() * plain.length);
      tensors = plain.map((tensor, i) => (i === at ? lying(random, tensor) : tensor));
    }
    const file = checkedFile(source, {
      ...header,
      metadata,
      tensors: tensors.map(({ lengths, offset, ...rest }) => ({
        ...rest,
        lengths: lengths.map(whole),
        offset: whole(offset),
      })),
    });
    await checkSound(file, await folderOf(file));
  });
  expect(outcomes.read).toBeGreaterThan(2000);
  expect(outcomes.refused).toBeGreaterThan(5000);
});

function changed(random: Random, list: readonly unknown[]): unknown[] {
  const copy = [...list];
  copy[Math.floor(random() * list.length)] = mutatedJson(random, pick(random, list));
  return copy;
}

function lying<T extends { name: string; type: string; lengths: number[]; offset: number }>(
  random: Random,
  tensor: T,
): T {
  switch (Math.floor(5 * random())) {
    case 0:
      return {
        ...tensor,
        type: pick(random, ['Q4_0', 'Q8_0', 'Q6_K', 'IQ4_XS', 'F16', 'I32', 'number 99', '__proto__']),
      };
    case 1:
      return {
        ...tensor,
        name: pick(random, ['', 'x', 'blk.0.attn_q.weight', 'blk.99999.attn_q.weight', '__proto__']),
      };
    case 2:
      return { ...tensor, offset: pick(random, [0, 1, 32, 4096, 2 ** 40, -1, 0.5]) };
    case 3:
      return {
        ...tensor,
        lengths: pick(random, [[], [0], [32, 0], [2 ** 32, 2 ** 32], [32, 32, 1], [31, 32], [64, 16]]),
      };
    default:
      return { ...tensor, lengths: tensor.lengths.map((length) => (random() < 0.5 ? length : length + 32)) };
  }
}
