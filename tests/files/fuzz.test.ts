import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { expect, test, vi } from 'vitest';
import { CorpusError } from '../../src/corpus/errors.ts';
import { TextTokenizer, type TokenizerFiles } from '../../src/corpus/tokenizer/tokenizer.ts';
import { wordTokenizerFiles } from '../../src/corpus/tokenizer/wordTokenizer.ts';
import { readAdapterArchive } from '../../src/files/adapters/adapterArchive.ts';
import { adapterConfigJson } from '../../src/files/adapters/adapterFiles.ts';
import { ModelFileError, readJson, type FileLookup } from '../../src/files/formats/byteSource.ts';
import { decoderConfigJson } from '../../src/files/models/decoderExport.ts';
import { parseAdapterConfig } from '../../src/files/adapters/peftConfig.ts';
import { sealedChunks } from '../../src/files/formats/checksum.ts';
import { readSavedRun, writeSavedRun } from '../../src/files/formats/savedRun.ts';
import {
  concatenated,
  headerLength,
  parseHeader,
  SafetensorsError,
  writeSafetensors,
} from '../../src/files/formats/safetensors.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import { ModelConfigError, parseDecoderConfig } from '../../src/models/config.ts';
import { rotaryFrequencies } from '../../src/models/rotaryFrequencies.ts';
import { decoderLayout } from '../../src/models/layout.ts';
import { LORA_TARGETS } from '../../src/models/lora.ts';
import { randomInt, seededRandom } from '../harness/numerics.ts';
import { LLAMA_JSON, QWEN2_JSON } from '../harness/tinyDecoder.ts';
import { CountingSource, mutatedBytes, mutatedText, pick, type Random } from './mutations.ts';

const TYPED = [SafetensorsError, ModelFileError, ModelConfigError, CorpusError];

/**
 * Feeds `rounds` inputs to a reader: each must be read, and `read` find it sound, or be refused with one of our errors.
 * Both must happen at least `least` times, or the mutations test nothing.
 */
async function fuzz(
  seed: number,
  rounds: number,
  least: { read: number; refused: number },
  work: (random: Random) => unknown,
): Promise<void> {
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    // Its own seed, so that one round can be run alone.
    const random = seededRandom(seed * 1_000_003 + round);
    try {
      await work(random);
      outcomes.read++;
    } catch (cause) {
      if (!TYPED.some((type) => cause instanceof type)) throw new Error(`round ${round}: ${String(cause)}`, { cause });
      const { message } = cause as Error;
      if (message.length > 2000) throw new Error(`round ${round}: a message of ${message.length} letters`, { cause });
      outcomes.refused++;
    }
  }
  expect(outcomes.read, 'inputs read').toBeGreaterThan(least.read);
  expect(outcomes.refused, 'inputs refused').toBeGreaterThan(least.refused);
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`What was read is not sound: ${what}.`);
}

const json = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    throw new ModelFileError('not readable JSON');
  }
};

const tensor = (name: string, ...shape: number[]) => ({
  name,
  shape,
  data: new Float32Array(shape.reduce((product, length) => product * length, 1)).fill(0.5),
});
const WEIGHTS = writeSafetensors([tensor('a', 2, 3), tensor('b', 4), tensor('c'), tensor('d', 0, 5)], { format: 'pt' });

test('50,000 safetensors files', async () => {
  const header = json(WEIGHTS.subarray(8, 8 + headerLength(WEIGHTS, WEIGHTS.length)));
  await fuzz(1, 50_000, { read: 3000, refused: 20_000 }, (random) => {
    let file: Uint8Array;
    if (random() < 0.5) file = mutatedBytes(random, WEIGHTS);
    else {
      const text = mutatedText(random, header);
      const lying = random() < 0.1 ? randomInt(random, -9, 9) : 0;
      file = concatenated([new Uint8Array(8), text, new Uint8Array(44)]);
      new DataView(file.buffer).setBigUint64(0, BigInt(Math.max(0, text.length + lying)), true);
    }
    const length = headerLength(file.subarray(0, 8), file.length);
    const { tensors, metadata, dataOffset } = parseHeader(file.subarray(8, 8 + length), file.length);
    let end = dataOffset;
    for (const stored of [...tensors.values()].sort((x, y) => x.begin - y.begin || x.end - y.end)) {
      if (stored.begin === stored.end) continue;
      check(stored.begin >= end && stored.end <= file.length, `${stored.name} lies where it cannot`);
      end = stored.end;
    }
    check(
      Object.values(metadata).every((text) => typeof text === 'string'),
      'metadata that is no text',
    );
  });
});

test('10,000 checkpoints in shards', async () => {
  const index = { metadata: { total_size: 60 }, weight_map: { a: 's-1', b: 's-1', c: 's-1', d: 's-1', e: 's-2' } };
  const second = writeSafetensors([tensor('e', 3, 3)]);
  await fuzz(2, 10_000, { read: 1000, refused: 3000 }, async (random) => {
    const stored: Record<string, Uint8Array> = {
      'model.safetensors.index.json': mutatedText(random, index),
      's-1': random() < 0.3 ? mutatedBytes(random, WEIGHTS) : WEIGHTS,
      's-2': random() < 0.1 ? mutatedBytes(random, second) : second,
    };
    const sources = new Map(Object.entries(stored).map(([name, bytes]) => [name, new CountingSource(name, bytes)]));
    let lookups = 0;
    const files: FileLookup = (name) => {
      check(++lookups < 12, 'files were asked for again and again');
      check(!/[/\\]|^\.\.?$/.test(name), 'a file of another folder was asked for');
      return Promise.resolve(sources.get(name));
    };
    const weights = await openWeights(files);
    for (const name of weights.names) {
      const { shape = [], dtype } = weights.get(name) ?? {};
      if (dtype !== 'F32') continue;
      const floats = await weights.readFloats(name);
      check(floats.length === shape.reduce((product, length) => product * length, 1), `${name} has another length`);
    }
    for (const { bytesRead, size } of sources.values())
      check(bytesRead <= 2 * size + 64, 'more was read than there is');
  });
});

test('20,000 adapter configurations', async () => {
  const valid = adapterConfigJson({ rank: 8, alpha: 16, targets: LORA_TARGETS }, { name: 'a/b' }, 'retriever');
  await fuzz(3, 20_000, { read: 3000, refused: 3000 }, (random) => {
    const { rank, alpha, claims } = parseAdapterConfig(json(mutatedText(random, valid)));
    check(Number.isSafeInteger(rank) && rank >= 1, 'the rank');
    check(Number.isFinite(alpha), 'alpha');
    check([true, false, undefined].includes(claims('model.layers.0.self_attn.q_proj')), 'what it claims to adapt');
  });
});

test('20,000 model configurations', async () => {
  const valid = [QWEN2_JSON, LLAMA_JSON].flatMap((one) => [
    one,
    decoderConfigJson(parseDecoderConfig(one), { head: true }),
  ]);
  await fuzz(4, 20_000, { read: 3000, refused: 3000 }, (random) => {
    const config = parseDecoderConfig(json(mutatedText(random, pick(random, valid))));
    const { vocabularySize, hiddenSize, layers, heads, kvHeads, headDim, intermediateSize } = config;
    for (const size of [vocabularySize, hiddenSize, layers, heads, kvHeads, headDim, intermediateSize])
      check(Number.isInteger(size) && size >= 1 && size <= 2 ** 24, 'a size');
    check(heads % kvHeads === 0 && headDim % 2 === 0, 'the heads');
    // Everything that is made from a configuration must end, whatever it says: layers are bounded, tables come in shards.
    check(decoderLayout(config, { head: true, shardRows: 2 ** 16 }).length <= 2 ** 17, 'the layout');
    if (headDim <= 1024) check(rotaryFrequencies(config).every(Number.isFinite), 'rotary frequencies');
  });
});

test('6,000 archives of adapters', async () => {
  const config = strToU8(
    JSON.stringify(adapterConfigJson({ rank: 1, alpha: 2, targets: ['q_proj'] }, { name: 'a/b' }, 'retriever')),
  );
  const weights = async (prefix: string) =>
    concatenated(
      await sealedChunks(
        ['A', 'B'].map((matrix) => tensor(`${prefix}layers.0.self_attn.q_proj.lora_${matrix}.weight`, 1, 2)),
        { format: 'pt' },
      ),
    );
  const content = {
    'retriever/adapter_config.json': config,
    'retriever/adapter_model.safetensors': await weights('base_model.model.'),
    'language-model/adapter_config.json': config,
    'language-model/adapter_model.safetensors': await weights('base_model.model.model.'),
    'gates.json': strToU8('{"contextGates":[0,0.25]}'),
    'configuration.json': strToU8('{"seed":1}'),
  };
  const [packed, stored] = [zipSync(content), zipSync(content, { level: 0 })];
  const limits = { files: 20, bytes: 100_000, textBytes: 3000 };
  await fuzz(5, 6000, { read: 300, refused: 2000 }, async (random) => {
    let zip: Uint8Array;
    const kind = random();
    if (kind < 0.65) zip = mutatedBytes(random, random() < 0.6 ? packed : stored);
    else {
      // A sound zip file around damaged files.
      const name = pick(random, Object.keys(content) as (keyof typeof content)[]);
      const changed =
        kind < 0.7
          ? new Uint8Array(randomInt(random, 1, 4) * 40_000).fill(0x20)
          : name.endsWith('.json')
            ? mutatedText(random, json(content[name]))
            : mutatedBytes(random, content[name]);
      zip = zipSync({ ...content, [name]: changed }, { level: 1 });
    }
    const archive = await readAdapterArchive(zip, { limits });
    check(archive.retriever !== undefined || archive.languageModel !== undefined, 'an archive of nothing');
    for (const files of [archive.retriever, archive.languageModel]) {
      if (!files) continue;
      parseAdapterConfig(await readJson(files, 'adapter_config.json'));
      const length = (await files('adapter_config.json'))?.size ?? 0;
      check(length <= limits.textBytes, 'a longer text than is read was unpacked');
      const file = await openWeights(files, 'adapter_model');
      await file.verify();
      let bytes = 0;
      for (const name of file.names)
        if (file.get(name)?.dtype === 'F32') bytes += (await file.readFloats(name)).byteLength;
      check(bytes <= limits.bytes, 'more than the limit was unpacked');
    }
  });
});

test('10,000 saved runs without a checksum', async () => {
  const valid = writeSafetensors(
    ['parameters', 'm', 'v'].map((name) => tensor(`lm.0.${name}`, 5)),
    { format: 'revela-run', version: '1', step: '12', configuration: '{"seed":1}', text: 'ü' },
  );
  const header = json(valid.subarray(8, 8 + headerLength(valid, valid.length)));
  await fuzz(6, 10_000, { read: 500, refused: 3000 }, async (random) => {
    let file: Uint8Array;
    if (random() < 0.5) file = mutatedBytes(random, valid);
    else {
      const text = mutatedText(random, header);
      file = concatenated([new Uint8Array(8), text, new Uint8Array(60)]);
      new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    }
    const source = new CountingSource('run', file);
    const { state, metadata } = await readSavedRun(source);
    check(Number.isSafeInteger(state.step) && state.step >= 0, 'the step');
    for (const numbers of state.tensors.values()) check(numbers.every(Number.isFinite), 'numbers that are none');
    check(
      Object.values(metadata).every((text) => typeof text === 'string'),
      'metadata',
    );
    check(source.bytesRead <= 2 * source.size && source.reads <= 2 + state.tensors.size, 'it was read too often');
  });
});

test('10,000 saved runs with a checksum: whatever changed is noticed', async () => {
  const tensors = new Map(['parameters', 'm', 'v'].map((name) => [`lm.0.${name}`, Float32Array.of(1, 2, 3, 4, 5)]));
  const valid = concatenated(await writeSavedRun({ step: 12, tensors }, { configuration: '{"seed":1}', text: 'ü' }));
  await fuzz(8, 10_000, { read: 100, refused: 8000 }, async (random) => {
    const file = random() < 0.05 ? valid : mutatedBytes(random, valid);
    const source = new CountingSource('run', file);
    await readSavedRun(source);
    // Some mutations put back what was there.
    check(Buffer.compare(file, valid) === 0, 'another file than was written');
    check(source.bytesRead <= 2 * source.size, 'it was read too often');
  });
});

test('2,000 tokenizers', async () => {
  const read = (style: string, name: string) =>
    json(readFileSync(join(import.meta.dirname, '../parity/collation', style, name))) as Record<string, unknown>;
  const valid: TokenizerFiles[] = ['qwen-style', 'llama-style'].map((style) => {
    const tokenizerJson = read(style, 'tokenizer.json');
    const model = tokenizerJson['model'] as { vocab: Record<string, number>; merges: unknown[] };
    // A part of the vocabulary will do, and is quicker to read: all bytes, and the first merges.
    const merges = model.merges.slice(0, 40);
    const words = new Set(
      merges.map((merge) => (Array.isArray(merge) ? merge.join('') : String(merge).replace(' ', ''))),
    );
    const vocab = Object.fromEntries(
      Object.entries(model.vocab).filter(([word]) => [...word].length === 1 || words.has(word)),
    );
    return {
      tokenizerJson: { ...tokenizerJson, model: { ...model, vocab, merges } },
      tokenizerConfig: read(style, 'tokenizer_config.json'),
    };
  });
  valid.push(wordTokenizerFiles(['the', 'sea', 'is', 'cold']));
  for (const files of valid) expect(new TextTokenizer(files).encode('the sea is cold').length).toBeGreaterThan(3);
  // The tokenizer library tells the console about patterns that it does not know.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  await fuzz(7, 2000, { read: 300, refused: 300 }, (random) => {
    const one = pick(random, valid);
    const record = (value: unknown): Record<string, unknown> => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ModelFileError('no object');
      return value as Record<string, unknown>;
    };
    const mutateJson = random() < 0.7;
    const tokenizer = new TextTokenizer({
      tokenizerJson: mutateJson ? record(json(mutatedText(random, one.tokenizerJson))) : one.tokenizerJson,
      tokenizerConfig: mutateJson ? one.tokenizerConfig : record(json(mutatedText(random, one.tokenizerConfig))),
    });
    check(Number.isSafeInteger(tokenizer.eosId) && Number.isSafeInteger(tokenizer.padId), 'EOS and padding');
    check(Number.isSafeInteger(tokenizer.vocabularySize), 'the size of the vocabulary');
    const text = 'The sea is cold, ünd 12 gulls  cry.\n';
    const ids = tokenizer.encode(text);
    check(
      ids.every((id) => Number.isSafeInteger(id) && id >= 0 && id < tokenizer.vocabularySize),
      'ids',
    );
    check(Number.isInteger(tokenizer.countTokens(text)), 'the number of tokens');
    check(typeof tokenizer.decode(ids) === 'string', 'the decoded text');
    for (const { span } of tokenizer.pieces(text))
      check(!span || (span.start >= 0 && span.end <= text.length), 'spans');
  });
});
