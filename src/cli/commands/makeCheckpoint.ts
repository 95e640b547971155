import { readFile } from 'node:fs/promises';
import { trainBpe } from '../../corpus/tokenizer/bpeTrainer.ts';
import { loadProse, proseCollections } from '../../corpus/sources/prose.ts';
import { TextTokenizer, type TokenizerFiles } from '../../corpus/tokenizer/tokenizer.ts';
import { safetensorsPieces } from '../../files/formats/safetensors.ts';
import { jsonFile } from '../../files/formats/zipWriter.ts';
import { parseDecoderConfig } from '../../models/config.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { CHECKPOINT_SHAPES, checkpointPlan, randomBytes } from '../support/randomCheckpoint.ts';
import { partText, ProgressLine, timeText } from '../support/reports.ts';
import { StoppedError } from '../support/stopping.ts';
import { parse, required, UsageError, whole, type Command } from '../support/usage.ts';

/** Tokens of the vocabulary at most: more than this the built-in collections hardly fill. */
const MOST_TOKENS = 4096;
/** Bytes and two special tokens. */
const FEWEST_TOKENS = 258;

export const makeCheckpointCommand: Command = {
  name: 'make-checkpoint',
  usage: 'DIR --config SHAPE',
  summary: 'writes a checkpoint with random weights, to try what needs a checkpoint of some shape',
  help: `  --config SHAPE           ${Object.keys(CHECKPOINT_SHAPES).join(', ')}, or the path of a config.json
  --seed N                 same seed, same weights (default 0)
  --dtype FORMAT           bf16 (default) or f32
${FORCE_HELP}
Writes config.json, model.safetensors, tokenizer.json and tokenizer_config.json. The tokenizer is a small one, trained
on the built-in texts.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      config: { type: 'string' },
      seed: { type: 'string' },
      dtype: { type: 'string' },
      ...FORCE_OPTION,
    });
    const [folder, ...more] = positionals;
    if (folder === undefined || more.length > 0)
      throw new UsageError('Usage: npm run cli -- make-checkpoint DIR --config SHAPE');
    const json = await readShape(
      required('config', values.config, `one of ${Object.keys(CHECKPOINT_SHAPES).join(', ')}, or a file`),
    );
    const dtype = values.dtype ?? 'bf16';
    if (dtype !== 'bf16' && dtype !== 'f32') throw new UsageError(`--dtype takes bf16 or f32, not ${dtype}.`);
    const seed = whole('seed', values.seed, 0, { least: 0, most: Number.MAX_SAFE_INTEGER });
    const outputs = await Outputs.prepare([{ option: 'DIR', path: folder, kind: 'folder' }], { force: values.force });
    await makeCheckpoint(folder, outputs, json, { seed, dtype, signal });
    outputs.finish();
  },
};

/** A configuration by its name, or from a file. @throws UsageError */
export async function readShape(name: string): Promise<Record<string, unknown>> {
  const known = CHECKPOINT_SHAPES[name];
  if (known) return known;
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch {
    throw new UsageError(
      `There is no shape and no file ${name}. Shapes are ${Object.keys(CHECKPOINT_SHAPES).join(', ')}.`,
    );
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw new UsageError(`${name} is no config.json: it does not hold an object in JSON.`);
}

async function makeCheckpoint(
  folder: string,
  outputs: Outputs,
  shape: Record<string, unknown>,
  { seed, dtype, signal }: { seed: number; dtype: 'bf16' | 'f32'; signal: AbortSignal },
): Promise<void> {
  const config = parseDecoderConfig(shape);
  if (config.vocabularySize < FEWEST_TOKENS)
    throw new UsageError(
      `A vocabulary of ${config.vocabularySize} tokens cannot hold all bytes; make vocab_size at least ${FEWEST_TOKENS}.`,
    );
  const started = performance.now();
  const tokenizer = await trainTokenizer(Math.min(config.vocabularySize, MOST_TOKENS), signal);
  const { eosId, padId } = new TextTokenizer(tokenizer);

  const plan = checkpointPlan(config, dtype);
  const line = new ProgressLine();
  async function* weights(): AsyncGenerator<Uint8Array, void, void> {
    let done = 0;
    for await (const piece of safetensorsPieces(plan, (tensor) => randomBytes(tensor, seed))) {
      if (signal.aborted) throw new StoppedError('Stopped: there is no checkpoint yet.');
      yield piece;
      done += piece.length;
      line.update(`Writing ${folder}: ${partText(done, plan.fileBytes)}`);
    }
  }
  const failure = await outputs.writeFolder('DIR', [
    { name: 'model.safetensors', chunks: weights() },
    jsonFile('tokenizer.json', tokenizer.tokenizerJson),
    jsonFile('tokenizer_config.json', tokenizer.tokenizerConfig),
    jsonFile('config.json', {
      ...shape,
      bos_token_id: null,
      eos_token_id: eosId,
      pad_token_id: padId,
      torch_dtype: dtype === 'bf16' ? 'bfloat16' : 'float32',
    }),
  ]);
  if (failure === undefined)
    line.end(
      `Wrote ${folder}: ${partText(plan.fileBytes, plan.fileBytes)} in ${timeText(performance.now() - started)}`,
    );
}

async function trainTokenizer(vocabularySize: number, signal: AbortSignal): Promise<TokenizerFiles> {
  const collections = await Promise.all(proseCollections.map(({ id }) => loadProse(id)));
  const texts = collections.flat().flatMap(({ paragraphs }) => paragraphs);
  return trainBpe(texts, { vocabularySize, signal });
}
