import {
  choiceSetting,
  numberSetting,
  parseSetting,
  SettingError,
  switchSetting,
  textSetting,
  type Setting,
  type SettingValue,
} from './setting.ts';

/** owner/name or the name of an opened folder, with an optional @revision; or a folder kept in this browser: local@name. */
const CHECKPOINT_NAME =
  /^(local@[\p{L}\p{N}][\p{L}\p{N}._ ()-]{0,63}|[\p{L}\p{N}_][\p{L}\p{N}._ ()-]{0,95}(\/\w[\w.-]{0,95})?(@\w[\w./-]{0,95})?)$/u;

/** Every setting of a run. Order is the order on the page. */
export const SETTINGS = {
  source: choiceSetting({
    group: 'corpus',
    label: 'Text',
    help: 'What the two models read.',
    default: 'facts',
    choices: [
      {
        value: 'facts',
        label: 'Facts',
        help: 'An endless stream of invented facts, each told twice in different words.',
      },
      { value: 'kitchen', label: 'The kitchen', help: 'Short essays about food and cooking.' },
      { value: 'shore', label: 'The shore', help: 'Short essays about the coast and the sea.' },
      { value: 'workshop', label: 'The workshop', help: 'Short essays about tools, crafts and machines.' },
      { value: 'text', label: 'Your text', help: 'Text you paste or drop; it never leaves this machine.' },
    ],
  }),
  vocabulary: numberSetting({
    group: 'corpus',
    label: 'Vocabulary',
    help: 'Tokens of the byte-level BPE trained on your text. The fact stream has its own words instead.',
    default: 1024,
    min: 300,
    max: 8192,
    integer: true,
    unit: 'tokens',
  }),
  chunks: numberSetting({
    group: 'batch',
    label: 'Chunks per batch',
    help: 'B: each chunk may read the B − 1 others.',
    default: 8,
    min: 2,
    max: 32,
    integer: true,
    paper: '16',
  }),
  chunkTokens: numberSetting({
    group: 'batch',
    label: 'Chunk length',
    help: 'Most tokens in a chunk; chunks end at sentences where they can.',
    default: 64,
    min: 8,
    max: 256,
    integer: true,
    unit: 'tokens',
    paper: '160',
  }),
  batching: choiceSetting({
    group: 'batch',
    label: 'Batches of',
    help: 'Which chunks meet in a batch.',
    default: 'topics',
    choices: [
      { value: 'topics', label: 'Topic groups', help: 'A few documents, several chunks of each, shuffled.' },
      { value: 'adjacent', label: 'Neighbours in the text', help: 'Chunks that follow one another.' },
      { value: 'bm25', label: 'Word neighbours', help: 'Chunks that share rare words (BM25).' },
      { value: 'random', label: 'Random chunks', help: 'Any chunks: partners are rare.' },
    ],
  }),
  groupSize: numberSetting({
    group: 'batch',
    label: 'Chunks per document',
    help: 'How many chunks of one document a batch of topic groups holds.',
    default: 2,
    min: 2,
    max: 16,
    integer: true,
    paper: '8',
  }),
  firstHalf: switchSetting({
    group: 'batch',
    label: 'Query is the first half',
    help: 'The retriever sees only the beginning of the query chunk: harder, and closer to real search.',
    default: false,
    paper: 'on',
  }),
  base: choiceSetting({
    group: 'model',
    label: 'Models',
    help: 'Two small models that start from nothing, or a pretrained checkpoint with adapters.',
    default: 'scratch',
    paper: 'checkpoint',
    choices: [
      { value: 'scratch', label: 'Small, from scratch', help: 'Trained here from random weights, in minutes.' },
      { value: 'checkpoint', label: 'Pretrained checkpoint', help: 'A Qwen or Llama model from the hub or a folder.' },
    ],
  }),
  checkpoint: textSetting({
    group: 'model',
    label: 'Checkpoint',
    help: 'The language model: a hub id, or the name of a folder you opened.',
    default: 'Qwen/Qwen2.5-0.5B',
    pattern: CHECKPOINT_NAME,
    expected: 'a hub id such as Qwen/Qwen2.5-0.5B (or owner/name@revision), or the name of an opened folder',
    placeholder: 'owner/name',
  }),
  retrieverCheckpoint: textSetting({
    group: 'model',
    label: 'Retriever checkpoint',
    help: 'The retriever’s base when it is another model; empty: the same, held in memory once.',
    default: '',
    pattern: new RegExp(`^$|${CHECKPOINT_NAME.source}`, 'u'),
    expected: 'a hub id, the name of an opened folder, or nothing',
    placeholder: 'the same',
    paper: 'separate',
  }),
  precision: choiceSetting({
    group: 'model',
    label: 'Base weights as',
    help: 'How the frozen weights of a checkpoint lie in GPU memory. Adapters and sums are always 32-bit.',
    default: 'stored',
    choices: [
      { value: 'stored', label: 'As stored', help: 'bf16 for most checkpoints; exact.' },
      { value: 'int8', label: 'int8', help: 'Half the memory; a small rounding error, which is shown.' },
    ],
  }),
  checkpointing: switchSetting({
    group: 'model',
    label: 'Recompute layers',
    help: 'Keeps only each layer’s input and recomputes the rest for the gradients: a third more work, far less memory.',
    default: false,
  }),
  memoryBudget: numberSetting({
    group: 'model',
    label: 'GPU memory to use',
    help: 'What needs more is refused before it starts. Browsers do not tell how much a GPU has.',
    default: 4,
    min: 0.125,
    max: 256,
    integer: false,
    unit: 'GB',
  }),
  layers: numberSetting({
    group: 'model',
    label: 'Layers',
    help: 'Transformer layers of each of the two models.',
    default: 2,
    min: 1,
    max: 12,
    integer: true,
  }),
  width: numberSetting({
    group: 'model',
    label: 'Width',
    help: 'Numbers per token between layers.',
    default: 128,
    min: 16,
    max: 512,
    integer: true,
  }),
  heads: numberSetting({
    group: 'model',
    label: 'Query heads',
    help: 'Attention heads; must divide the width.',
    default: 4,
    min: 1,
    max: 16,
    integer: true,
  }),
  kvHeads: numberSetting({
    group: 'model',
    label: 'Key/value heads',
    help: 'Heads of keys and values, shared by groups of query heads.',
    default: 2,
    min: 1,
    max: 16,
    integer: true,
  }),
  mlpWidth: numberSetting({
    group: 'model',
    label: 'MLP width',
    help: 'Hidden numbers of the feed-forward part.',
    default: 128,
    min: 16,
    max: 2048,
    integer: true,
  }),
  initialisation: choiceSetting({
    group: 'model',
    label: 'Start from',
    help: 'How untrained weights are drawn.',
    default: 'copyPrior',
    choices: [
      {
        value: 'copyPrior',
        label: 'Copy prior',
        help: 'Values pass through attention recognisably, so the model can copy from a neighbour as pretrained models do.',
      },
      {
        value: 'normal',
        label: 'Plain random',
        help: 'The usual start. Too far from copying: nothing is learnt for thousands of steps.',
      },
    ],
  }),
  trained: choiceSetting({
    group: 'model',
    label: 'Train',
    help: 'All weights, or small adapters on frozen ones.',
    default: 'full',
    paper: 'LoRA r 256',
    choices: [
      { value: 'full', label: 'All weights', help: 'Both models learn everything.' },
      { value: 'lora', label: 'LoRA adapters', help: 'Only low-rank updates learn; the base stays as it is.' },
    ],
  }),
  rank: numberSetting({
    group: 'model',
    label: 'LoRA rank',
    help: 'Rank of each low-rank update.',
    default: 8,
    min: 1,
    max: 256,
    integer: true,
    paper: '256',
  }),
  alpha: numberSetting({
    group: 'model',
    label: 'LoRA alpha',
    help: 'Updates are scaled by alpha / rank.',
    default: 16,
    min: 1,
    max: 512,
    integer: false,
    paper: '64',
  }),
  attention: choiceSetting({
    group: 'objective',
    label: 'Who is read',
    help: 'Where the batch attention matrix comes from. The others are controls: without them a falling loss proves nothing.',
    default: 'learned',
    choices: [
      { value: 'learned', label: 'Learned', help: 'Softmax of the retriever’s similarities: the method itself.' },
      {
        value: 'uniform',
        label: 'Uniform',
        help: 'Control: every other chunk equally; the retriever gets no gradient.',
      },
      { value: 'random', label: 'Random', help: 'Control: one other chunk by chance.' },
      {
        value: 'oracle',
        label: 'Oracle',
        help: 'Control: the chunks of the same document; what a perfect retriever would give.',
      },
      { value: 'bm25', label: 'BM25', help: 'Control: softmax of BM25 scores.' },
    ],
  }),
  temperature: numberSetting({
    group: 'objective',
    label: 'Temperature τ',
    help: 'A = softmax(S / τ): small reads one neighbour only and gives no gradient, large reads all alike.',
    default: 0.1,
    min: 1e-4,
    max: 10,
    integer: false,
    logarithmic: true,
    paper: '0.0001',
  }),
  vNorm: switchSetting({
    group: 'objective',
    label: 'V-normalisation',
    help: 'Divides what is read from a chunk by the mean length of its values, so that no chunk shouts.',
    default: true,
    paper: 'on',
  }),
  contextGate: numberSetting({
    group: 'objective',
    label: 'Context gate γ',
    help: 'How strongly neighbours are mixed in. A pretrained model is thrown off by 1 and happy with 0.25.',
    default: 1,
    min: 0,
    max: 4,
    integer: false,
    paper: '1',
  }),
  contextLayers: choiceSetting({
    group: 'objective',
    label: 'Context in',
    help: 'Which layers read the neighbours.',
    default: 'all',
    paper: 'all',
    choices: [
      { value: 'all', label: 'All layers', help: 'As in the paper.' },
      { value: 'upperHalf', label: 'Upper half', help: 'The later layers only: gentler on a pretrained model.' },
    ],
  }),
  learnGate: switchSetting({
    group: 'objective',
    label: 'Learn the gate',
    help: 'One γ per layer, trained with the rest; it starts from the value above.',
    default: false,
    paper: 'off',
  }),
  pooling: choiceSetting({
    group: 'objective',
    label: 'Embedding from',
    help: 'Which token’s hidden state stands for the chunk.',
    default: 'eos',
    paper: 'end token',
    choices: [
      { value: 'eos', label: 'End token', help: 'The state at the end-of-text token.' },
      { value: 'mean', label: 'Mean of tokens', help: 'The average over all tokens.' },
      { value: 'first', label: 'First token', help: 'The state at the first token (it has seen nothing else).' },
    ],
  }),
  dualLoss: switchSetting({
    group: 'objective',
    label: 'Dual loss',
    help: 'Adds the loss without context to what is trained.',
    default: false,
    paper: 'off',
  }),
  lossMask: choiceSetting({
    group: 'objective',
    label: 'Loss on',
    help: 'Which tokens are to be predicted.',
    default: 'all',
    paper: 'all',
    choices: [
      { value: 'all', label: 'All tokens', help: 'As the released code trains.' },
      { value: 'secondHalf', label: 'Second half', help: 'Only what the half-chunk query has not seen.' },
    ],
  }),
  detachKeyValues: switchSetting({
    group: 'objective',
    label: 'Detach keys and values',
    help: 'No gradient into what neighbours offer, only into what is asked.',
    default: false,
    paper: 'off',
  }),
  freezeLanguageModel: switchSetting({
    group: 'objective',
    label: 'Freeze the language model',
    help: 'Only the retriever learns.',
    default: false,
    paper: 'off',
  }),
  freezeRetriever: switchSetting({
    group: 'objective',
    label: 'Freeze the retriever',
    help: 'Only the language model learns.',
    default: false,
    paper: 'off',
  }),
  learningRate: numberSetting({
    group: 'optimiser',
    label: 'Learning rate',
    help: 'Step size of AdamW at its highest.',
    default: 1e-3,
    min: 1e-7,
    max: 1,
    integer: false,
    logarithmic: true,
    paper: '0.0001',
  }),
  warmup: numberSetting({
    group: 'optimiser',
    label: 'Warm-up',
    help: 'Steps over which the learning rate grows from zero.',
    default: 20,
    min: 0,
    max: 10000,
    integer: true,
    unit: 'steps',
    paper: '100',
  }),
  decaySteps: numberSetting({
    group: 'optimiser',
    label: 'Decay until',
    help: 'The learning rate falls linearly to zero at this step; 0 keeps it constant.',
    default: 0,
    min: 0,
    max: 1000000,
    integer: true,
    unit: 'steps',
    paper: '10000',
  }),
  beta1: numberSetting({
    group: 'optimiser',
    label: 'β₁',
    help: 'Memory of the gradient’s running mean.',
    default: 0.9,
    min: 0,
    max: 0.9999,
    integer: false,
    paper: '0.9',
  }),
  beta2: numberSetting({
    group: 'optimiser',
    label: 'β₂',
    help: 'Memory of the squared gradient’s running mean.',
    default: 0.95,
    min: 0,
    max: 0.99999,
    integer: false,
    paper: '0.999',
  }),
  weightDecay: numberSetting({
    group: 'optimiser',
    label: 'Weight decay',
    help: 'Pull of every weight towards zero, per unit of learning rate.',
    default: 0,
    min: 0,
    max: 1,
    integer: false,
    paper: '0',
  }),
  clipNorm: numberSetting({
    group: 'optimiser',
    label: 'Clip gradient norm at',
    help: 'Longer gradients are shortened to this length; 0 turns it off.',
    default: 1,
    min: 0,
    max: 1000,
    integer: false,
    paper: '1',
  }),
  accumulation: numberSetting({
    group: 'optimiser',
    label: 'Batches per update',
    help: 'Gradients of this many batches are averaged before the weights move.',
    default: 1,
    min: 1,
    max: 64,
    integer: true,
    paper: '8',
  }),
  seed: numberSetting({
    group: 'optimiser',
    label: 'Seed',
    help: 'Same seed, same run.',
    default: 0,
    min: 0,
    max: 2 ** 31 - 1,
    integer: true,
  }),
  evaluateEvery: numberSetting({
    group: 'evaluation',
    label: 'Evaluate every',
    help: 'How often held-out batches are looked at.',
    default: 50,
    min: 1,
    max: 10000,
    integer: true,
    unit: 'steps',
  }),
  heldOutBatches: numberSetting({
    group: 'evaluation',
    label: 'Held-out batches',
    help: 'How many batches that training never sees are used for the scores.',
    default: 8,
    min: 1,
    max: 64,
    integer: true,
  }),
  autosaveEvery: numberSetting({
    group: 'evaluation',
    label: 'Save every',
    help: 'How often a run on a checkpoint is saved in this browser, so that it can go on after a reload; 0: never.',
    default: 10,
    min: 0,
    max: 100000,
    integer: true,
    unit: 'steps',
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;

/** The whole configuration of a run: plain, flat, serialisable. */
export type Configuration = { -readonly [K in SettingKey]: SettingValue<(typeof SETTINGS)[K]> };

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export function defaultConfiguration(): Configuration {
  return Object.fromEntries(SETTING_KEYS.map((key) => [key, SETTINGS[key].default])) as unknown as Configuration;
}

/**
 * Checks changes (from a control, a link, flags) against the settings and lays them over `base`.
 * @throws SettingError for an unknown key, a value out of range, or settings that contradict each other.
 */
export function configure(
  changes: Readonly<Record<string, unknown>>,
  base: Configuration = defaultConfiguration(),
): Configuration {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const setting = Object.hasOwn(SETTINGS, key) ? (SETTINGS as Record<string, Setting>)[key] : undefined;
    if (!setting) throw new SettingError(key, `There is no setting called ${JSON.stringify(key)}.`);
    result[key] = parseSetting(key, setting, value);
  }
  const configuration = result as unknown as Configuration;
  checkTogether(configuration);
  return configuration;
}

function checkTogether(c: Configuration): void {
  if (c.base === 'scratch') checkSmallModel(c);
  if (c.batching === 'topics' && c.chunks % c.groupSize !== 0)
    throw new SettingError('groupSize', `A batch of ${c.chunks} chunks cannot hold whole groups of ${c.groupSize}.`);
  if (c.base === 'checkpoint' && c.trained === 'full' && c.precision === 'int8')
    throw new SettingError(
      'precision',
      'Weights that are trained are 32-bit. Train adapters, or keep the weights as stored.',
    );
  if (c.freezeLanguageModel && (c.freezeRetriever || c.attention !== 'learned'))
    throw new SettingError(
      'freezeLanguageModel',
      'With the language model frozen and no gradient for the retriever nothing would learn.',
    );
}

function checkSmallModel(c: Configuration): void {
  if (c.width % (2 * c.heads) !== 0)
    throw new SettingError(
      'heads',
      `The width ${c.width} must split into ${c.heads} heads of an even size; try ${bestHeads(c)} heads.`,
    );
  if (c.heads % c.kvHeads !== 0)
    throw new SettingError('kvHeads', `${c.heads} query heads cannot share ${c.kvHeads} key/value heads evenly.`);
}

function bestHeads(c: Configuration): number {
  let heads = c.heads;
  while (heads > 1 && c.width % (2 * heads) !== 0) heads--;
  return heads;
}

/** What a configuration changes against `base`: for labels ("τ 0.02, V-norm off"), links and the dots beside controls. */
export function changedSettings(
  configuration: Configuration,
  base: Configuration = defaultConfiguration(),
): SettingKey[] {
  return SETTING_KEYS.filter((key) => configuration[key] !== base[key]);
}
