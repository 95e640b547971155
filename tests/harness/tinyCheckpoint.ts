import { checkpointPlan, randomBytes } from '../../src/cli/support/randomCheckpoint.ts';
import { trainBpe } from '../../src/corpus/tokenizer/bpeTrainer.ts';
import { concatenated, safetensorsPieces } from '../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../src/models/config.ts';

const CONFIG = {
  model_type: 'qwen2',
  vocab_size: 320,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 48,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: true,
};

/** The files of a checkpoint that a software GPU trains in no time: random bf16 weights, a tokenizer made for `texts`. */
export async function tinyCheckpoint(
  texts: readonly string[],
  { seed = 1, ...changes }: { seed?: number } & Readonly<Record<string, unknown>> = {},
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const json = { ...CONFIG, ...changes };
  const { tokenizerJson, tokenizerConfig } = await trainBpe(texts, { vocabularySize: 300 });
  const plan = checkpointPlan(parseDecoderConfig(json), 'bf16');
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of safetensorsPieces(plan, (tensor) => randomBytes(tensor, seed))) pieces.push(piece.slice());
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  return {
    'config.json': text(json),
    'tokenizer.json': text(tokenizerJson),
    'tokenizer_config.json': text(tokenizerConfig),
    'model.safetensors': concatenated(pieces),
  };
}
