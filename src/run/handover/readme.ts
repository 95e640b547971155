import type { LabelledCollection } from '../../evaluation/collections/collection.ts';
import { whyIdle } from '../../settings/applicability.ts';
import { SETTING_KEYS, SETTINGS, type SettingKey } from '../../settings/configuration.ts';
import type { FirstStep } from './firstStep.ts';
import type { Job } from './job.ts';

/**
 * Settings that the authors' trainer has no name for: their effect is in the files, or authorsRefusals says that it cannot express them.
 * Every setting stands here or in AUTHORS.
 */
// prettier-ignore
type WithoutName =
  | 'source' | 'documentUnit' | 'column' | 'vocabulary' | 'chunkFit' | 'topicClusters' | 'base' | 'checkpoint' | 'retrieverCheckpoint'
  | 'layers' | 'width' | 'heads' | 'kvHeads' | 'mlpWidth' | 'initialisation' | 'retrieverDepth' | 'attention' | 'contextGate'
  | 'contextLayers' | 'learnGate' | 'centring' | 'detachKeyValues' | 'lossMask' | 'freezeRetriever' | 'infoNceTemperature'
  | 'mannWhitneyTemperature' | 'hardNegatives' | 'hardNegativesPerQuery' | 'mineEvery' | 'replugTemperature'
  | 'replugLanguageModelTemperature' | 'replugLanguageModel' | 'teacher' | 'distillationTemperature' | 'teacherTemperature'
  | 'contrastWeight' | 'precision' | 'matmulPrecision' | 'reductions' | 'memoryBudget' | 'evaluateEvery' | 'heldOutBatches' | 'probeEvery' | 'collectionEvery'
  | 'autosaveEvery';

/** What a setting is called in the authors' trainer. */
const AUTHORS: Readonly<Record<Exclude<SettingKey, WithoutName>, string>> = {
  objective: 'Revela alone',
  trained: '--lora',
  batching: 'in groups.jsonl',
  groupSize: 'in groups.jsonl',
  checkpointing: '--gradient_checkpointing (the retriever alone)',
  temperature: '--attn_temperature',
  vNorm: '--disable_v_norm (the opposite; Llama alone)',
  pooling: '--pooling eos, mean or cls',
  dualLoss: '--dual_loss',
  freezeLanguageModel: '--reference_training False',
  firstHalf: '--first_half',
  chunkTokens: '--passage_max_len',
  chunks: '--top_k',
  rank: '--lora_r',
  alpha: '--lora_alpha',
  loraTargets: '--lora_target_modules',
  loraDropout: '--lora_dropout',
  learningRate: '--learning_rate',
  warmup: '--warmup_steps',
  decaySteps: '--max_steps with a linear schedule',
  beta1: '--adam_beta1',
  beta2: '--adam_beta2',
  weightDecay: '--weight_decay',
  clipNorm: '--max_grad_norm',
  accumulation: '--gradient_accumulation_steps',
  seed: '--seed',
};

/** Settings whose effect is in the files, and those of the page's own business. */
const ELSEWHERE: ReadonlySet<string> = new Set(['corpus', 'evaluation']);
const NOT_TOLD: readonly SettingKey[] = [
  'memoryBudget',
  'precision',
  'matmulPrecision',
  'reductions',
  'checkpoint',
  'retrieverCheckpoint',
  'base',
];

/** README.md of an archive: how it is run, what each setting is called elsewhere, and what the first step comes to. */
export function handoverReadme(job: Job, first: FirstStep, heldOut: LabelledCollection | undefined): string {
  const { title, step, steps, configuration } = job;
  const { accumulation } = configuration;
  return `# ${title}: a run to go on with

It has made ${step} ${step === 1 ? 'update' : 'updates'} in the Revela playground and goes on here from update ${step + 1}, on stock PyTorch, with the batches it would
have taken there: groups.jsonl holds those of ${steps} updates, ${accumulation} ${accumulation === 1 ? 'batch' : 'batches'} each.

    python3 -m venv venv && . venv/bin/activate && pip install -r requirements.txt
    bash train.sh             # one process, on a GPU where there is one
    bash train.sh ddp 4       # four GPUs; fsdp2 8 and zero3 8 split the models as well

${basesSentence(job)}
Before it trains, the runner computes the first step and compares it with the numbers below. If they are not the same it says what is off and stops.
${dropoutSentence(job)}
- \`--dtype bfloat16\` keeps the base's weights in 16 bits; the comparison is then as coarse as they are.
- \`--steps\`, \`--save-every\`, \`--evaluate-every\`; \`--resume\` goes on with what \`out/last\` holds.
- \`--groups FILE\` takes batches of your own: a list of texts a line, of documents as long as you like; one line is held at a time.
- An update takes ${accumulation} ${accumulation === 1 ? 'batch' : 'batches'} whatever the number of processes, so that must be divisible by it; \`--batches-per-update\` says otherwise.

## What comes back

- \`out/last\`: adapters, or models, AdamW's moments, the step. Drop the folder on the page under Take home.
- \`out/log.jsonl\`: loss, gradients and pictures of the batches. Drop it on the page: the run stands beside your others.
${heldOut ? `- \`python -m runner evaluate\`: ${heldOut.queries.length} queries over ${heldOut.documents.length} held-out texts (\`heldout/\`, BEIR's layout), by ir_measures.` : '- No text was held out that could be asked for, so there is no `heldout/`; `evaluate --collection FOLDER` takes any collection in BEIR’s layout.'}

## The first step

| number | expected |
| ------ | -------- |
| loss | ${number(first.loss)} |
${Object.entries(first.metrics)
  .map(([key, value]) => `| ${key} | ${number(value)} |`)
  .join('\n')}

${matrixPart('S', first.matrices['similarity'] ?? [], first.group.text.length)}
${matrixPart(configuration.objective === 'revela' ? 'A' : 'shares', first.matrices['attention'] ?? [], first.group.text.length)}
Exactly in \`first-step.json\`.

## What the settings are called

| page | settings.json | value | authors' trainer |
| ---- | ------------- | ----- | ---------------- |
${SETTING_KEYS.filter((key) => isTold(key, job))
  .map(
    (key) =>
      `| ${SETTINGS[key].label} | ${key} | ${String(configuration[key])} | ${key in AUTHORS ? AUTHORS[key as keyof typeof AUTHORS] : '–'} |`,
  )
  .join('\n')}

\`authors/\` holds ${"the authors' trainer's"} arguments for this run, or why it has none.
`;
}

function isTold(key: SettingKey, { configuration }: Job): boolean {
  const { group } = SETTINGS[key];
  return !ELSEWHERE.has(group) && !NOT_TOLD.includes(key) && whyIdle(key, configuration) === undefined;
}

/** Which numbers an update drops is drawn by PyTorch, so that only what is computed without dropout can be compared. */
function dropoutSentence({ configuration: { trained, loraDropout } }: Job): string {
  return trained === 'lora' && loraDropout > 0
    ? `\nUpdates drop ${loraDropout} of what they read, as on the page, but by masks that PyTorch draws: the first step is compared with dropout off, on both\nsides, and the losses of training are like those that the page would have, not equal to them.\n`
    : '';
}

function basesSentence({ models, exact }: Job): string {
  const found = Object.values(models).flatMap((model) => (model?.form === 'adapter' ? [model.base] : []));
  const [first, other] = [...new Set(found)];
  const rounded = exact
    ? ''
    : ' The page computed with weights or products that were rounded to fewer bits, so the first step is compared and not insisted on.';
  if (first === undefined) return 'Both models are in the archive.';
  if (first.startsWith('../')) return 'The base of both models is in the archive.';
  const also = other === undefined ? '' : `, the retriever's from ${models.retriever.base} (\`--retriever PATH\`)`;
  return `The base is loaded from ${models.languageModel?.base ?? first}${also}; \`--base PATH\` names another place where it lies.${rounded}`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(7)));
}

function matrixPart(name: string, values: readonly number[], rows: number): string {
  const columns = values.length / rows;
  const row = (i: number): string =>
    values
      .slice(i * columns, (i + 1) * columns)
      .map((value) => value.toFixed(4))
      .join(' ');
  return `${name}:\n\n${Array.from({ length: rows }, (_, i) => `    ${row(i)}\n`).join('')}`;
}
