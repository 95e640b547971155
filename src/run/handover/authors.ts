import { textFile, type NamedFile } from '../../files/formats/zipWriter.ts';
import { chosenOf } from '../../settings/setting.ts';
import type { Job } from './job.ts';

/** As the authors' trainer calls ways of pooling; `content` it has not. */
const POOLINGS: Readonly<Record<string, string>> = { eos: 'eos', mean: 'mean', first: 'cls' };

/** What the authors' trainer cannot express of a run, a sentence each. */
export function authorsRefusals(
  { configuration: c, contextLayers, models, rows }: Job,
  modelType: string | undefined,
): string[] {
  const cannot: readonly (readonly [boolean, string])[] = [
    [c.objective !== 'revela', 'It trains for Revela alone.'],
    [c.attention !== 'learned', `It has no controls: this run reads by “${c.attention}”.`],
    [c.contextGate !== 1 || c.learnGate, 'It has no context gate: γ is 1 there, and not learnt.'],
    [contextLayers !== null, 'It reads neighbours in all layers.'],
    [!(c.pooling in POOLINGS), 'It does not pool the content of a text alone.'],
    [models.retriever.layers !== null, 'Its retriever runs all layers of its base.'],
    [c.centring, 'It does not centre embeddings.'],
    [c.detachKeyValues, 'It lets the gradient into keys and values.'],
    [c.lossMask !== 'all', 'It takes the loss of all tokens.'],
    [c.freezeRetriever, 'It always trains the retriever.'],
    [c.trained !== 'lora', 'It trains LoRA adapters; whole models end in an error.'],
    [rows.endsItself, 'It puts an end token behind every text, also behind those that have one already.'],
    [!c.vNorm && modelType !== 'llama', 'It can leave V-normalisation out for Llama models alone.'],
    [c.decaySteps > 0 && c.decaySteps < c.warmup, 'Its learning rate cannot fall before it has risen.'],
  ];
  return cannot.flatMap(([is, words]) => (is ? [words] : []));
}

/** Arguments of the authors' trainer for a run that it can express: what this run is, in its words. */
export function authorsArguments({ configuration: c, models, step, steps }: Job): string[] {
  const { retriever, languageModel } = models;
  const targets = chosenOf(c.loraTargets).map((name) => `${name}_proj`);
  // Its schedule counts from its own first step, and falls to the end of training.
  const last = c.decaySteps > 0 ? Math.max(1, c.decaySteps - step) : steps;
  const flags: Readonly<Record<string, string | number | boolean>> = {
    output_dir: 'authors/out',
    model_name_or_path: place(retriever.base),
    reference_model_name_or_path: place(languageModel?.base ?? retriever.base),
    lora: true,
    lora_r: c.rank,
    lora_alpha: c.alpha,
    lora_dropout: c.loraDropout,
    lora_target_modules: targets.join(','),
    retriever_lora_name_or_path: retriever.folder,
    ...(languageModel?.learns
      ? { reference_lora_name_or_path: languageModel.folder }
      : { reference_training: 'False', freeze_reference: true }),
    bm25_retrieval_file: 'groups.jsonl',
    top_k: c.chunks,
    passage_max_len: c.chunkTokens,
    pooling: POOLINGS[c.pooling] ?? c.pooling,
    normalize: true,
    append_eos_token: true,
    add_passage_prefix: 'True',
    add_query_prefix: 'True',
    ...(c.firstHalf && { first_half: 'True', first_half_ratio: 0.5 }),
    attn_temperature: c.temperature,
    ...(!c.vNorm && { disable_v_norm: true }),
    ...(c.dualLoss && { dual_loss: true }),
    per_device_train_batch_size: 1,
    // The batches of an update, shared among the processes of train.sh.
    gradient_accumulation_steps: `$((${c.accumulation} / PROCESSES))`,
    learning_rate: c.learningRate,
    lr_scheduler_type: c.decaySteps > 0 ? 'linear' : 'constant_with_warmup',
    warmup_steps: Math.max(0, c.warmup - step),
    max_steps: last,
    adam_beta1: c.beta1,
    adam_beta2: c.beta2,
    weight_decay: c.weightDecay,
    max_grad_norm: c.clipNorm,
    seed: c.seed,
    logging_steps: 1,
    save_steps: 500,
    report_to: 'none',
  };
  return Object.entries(flags).map(([name, value]) => (value === true ? `--${name}` : `--${name} ${String(value)}`));
}

/** Folders are named as seen from the archive. */
function place(base: string): string {
  return base.startsWith('../') ? base.slice('../'.length) : base;
}

/** The folder of the authors' trainer: how it is started, or why it cannot be. */
export function authorsFiles(job: Job, modelType: string | undefined): NamedFile[] {
  const refusals = authorsRefusals(job, modelType);
  if (refusals.length > 0)
    return [
      textFile(
        'README.md',
        `# Not for the authors' trainer\n\nIts arguments cannot express this run:\n\n${refusals.map((one) => `- ${one}\n`).join('')}\nThe runner of this archive can.\n`,
      ),
    ];
  const { accumulation } = job.configuration;
  const flags = authorsArguments(job).join(' \\\n  ');
  return [
    textFile('patch.sh', PATCH),
    textFile(
      'train.sh',
      `#!/usr/bin/env bash
# The authors' trainer on this archive: REVELA names a checkout of its repository that patch.sh has been run on, PROCESSES the GPUs.
# It needs their fork of transformers (environment.yml and README there), and imports datasets, bm25s, PyStemmer, mteb and wandb.
# Without torchrun it computes no loss, so that one process takes it as well. Its moments of AdamW begin anew, it shuffles groups.jsonl,
# and its learning rate counts from its own first step, which it makes at a rate of 0.
#   --model_name_or_path PATH --reference_model_name_or_path PATH   where the base lies elsewhere
#   --use_cpu --ddp_backend gloo                                    without a GPU
set -euo pipefail
cd "$(dirname "$0")/.."
PROCESSES=\${PROCESSES:-1}
if [ $((${accumulation} % PROCESSES)) != 0 ]; then
  echo "An update takes ${accumulation} ${accumulation === 1 ? 'batch' : 'batches'}, which $PROCESSES processes cannot share evenly." >&2
  exit 1
fi
PYTHONPATH="\${REVELA:?name the checkout: REVELA=/path/to/Revela authors/train.sh}/src" exec torchrun --nproc_per_node "$PROCESSES" \\
  --module tevatron.llm_retriever.driver.train \\
  ${flags} \\
  "$@"
`,
    ),
  ];
}

const PATCH = `#!/usr/bin/env bash
# As published the authors' trainer does not start: its collator is made without its third argument. One line puts it there.
#   authors/patch.sh /path/to/Revela
set -euo pipefail
sed -i '/collator = TrainCollator(/s/)$/, "llama")/' "\${1:?name the checkout of the authors repository}/src/tevatron/llm_retriever/driver/train.py"
`;
