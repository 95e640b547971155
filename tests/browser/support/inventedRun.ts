import { FactStream } from '../../../src/corpus/sources/factStream.ts';
import { configure } from '../../../src/settings/configuration.ts';
import {
  metricOf,
  type BatchView,
  type Evaluation,
  type Probe,
  type ProbeRecord,
  type RunRecord,
  type StepMetrics,
  type StepRecord,
} from '../../../src/run/record.ts';

/**
 * A run with invented numbers that have the shape of a real one, to test how the page draws: nothing here was trained.
 * Recall rises around step 200, and the loss with context falls after it.
 */
export function inventedRun(steps = 500): RunRecord {
  const records = Array.from({ length: steps }, (_, i) => inventedStep(i + 1));
  const evaluations = records
    .filter(({ metrics }) => metrics.step % 50 === 0)
    .map(({ metrics }) => evaluationAt(metrics));
  return {
    version: 1,
    name: 'Invented for tests',
    configuration: configure({}),
    corpus: inventedCorpus(),
    adapter: 'none',
    metrics: records.map(({ metrics }) => metrics),
    snapshots: records.filter(({ metrics }) => metrics.step === 1 || metrics.step % 10 === 0),
    evaluations,
    probe: inventedProbe(Array.from({ length: Math.floor(steps / PROBE_EVERY) + 1 }, (_, i) => i * PROBE_EVERY)),
  };
}

/** How often the invented probe is looked at, in steps. */
export const PROBE_EVERY = 5;

/** The probe of such a run after so many updates each: first chunks of one wording read each other, then partners do. */
export function inventedProbe(steps: readonly number[]): Probe {
  return { of: 'heldOut', batch: PROBE_BATCH, records: steps.map(inventedProbeRecord) };
}

const SIZE = 8;
const stream = new FactStream({ batchSize: SIZE, chunksPerFact: 2, seed: 0 });

function inventedCorpus(): RunRecord['corpus'] {
  return {
    title: 'Facts',
    documents: undefined,
    chunks: undefined,
    vocabulary: 219,
    notices: [],
    preview: batchAt(0).chunks,
  };
}

/** Rises from 0 to 1 around `middle`. */
function rise(step: number, middle: number, width: number): number {
  return 1 / (1 + Math.exp(-(step - middle) / width));
}

/** The same noise in [−1, 1] for the same arguments. */
function noise(step: number, salt: number): number {
  const x = Math.sin(step * 12.9898 + salt * 78.233) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

function batchAt(step: number): BatchView {
  const { chunks } = stream.batchAt(step);
  const labels = [...new Set(chunks.map(({ document }) => document))];
  return {
    chunks: chunks.map(({ text, document, documentTitle, wording }) => ({
      text,
      document: labels.indexOf(document),
      documentTitle,
      tokens: text.split(' ').map((word, i) => (i === 0 ? word : ` ${word}`)),
      ...(wording === undefined ? {} : { wording }),
    })),
  };
}

function metricsAt(step: number): StepMetrics {
  const found = rise(step, 200, 25);
  const used = rise(step, 330, 40);
  const isolatedLoss = 1.31 + 4 * Math.exp(-step / 18) + 0.03 * noise(step, 1);
  const ntpLoss = isolatedLoss * (1 - 0.93 * used) + 0.02 * noise(step, 2) * (1 - used);
  const hits = Math.round(SIZE * Math.min(1, Math.max(0, 0.15 + 0.85 * found + 0.15 * noise(step, 3) * (1 - found))));
  return {
    step,
    loss: ntpLoss,
    ntpLoss,
    isolatedLoss,
    recallAt1: hits / SIZE,
    chance: 1 / 7,
    effectiveDocuments: 6.7 - 5.5 * found + 0.1 * noise(step, 4),
    gradientNorm: 0.8,
    retrieverGradientNorm: 0.004 + 0.2 * found * (1 - used) * (1.2 + noise(step, 5)),
    languageModelGradientNorm: 0.7 + 0.3 * noise(step, 6),
    learningRate: 1e-3 * Math.min(1, step / 20),
    stepMs: 24 + 3 * noise(step, 7) ** 3,
    tokensPerSecond: 8000 + 800 * noise(step, 8),
    memory: {
      weights: 1.6e6,
      gradients: 1.6e6,
      optimiser: 3.2e6,
      activations: 5.1e6,
      scratch: 0.7e6,
      peak: 11.9e6,
      total: 13.4e6,
    },
  };
}

function evaluationAt(metrics: StepMetrics): Evaluation {
  return {
    step: metrics.step,
    recallAt1: 0.12 + 0.87 * rise(metrics.step, 210, 25),
    chance: 1 / 7,
    tfidfRecallAt1: 0.94,
    ntpLoss: metricOf(metrics, 'ntpLoss') + 0.05,
    isolatedLoss: metricOf(metrics, 'isolatedLoss') + 0.05,
    effectiveDocuments: metricOf(metrics, 'effectiveDocuments'),
  };
}

/** One step of it, as the lab would send it. */
export function inventedStep(step: number): StepRecord {
  const metrics = metricsAt(step);
  return {
    metrics,
    ...viewsAt(step, batchAt(step), metricOf(metrics, 'ntpLoss') / metricOf(metrics, 'isolatedLoss'), step),
  };
}

/** The held-out batch of all invented runs: one that no step has. */
const PROBE_BATCH = batchAt(1_000_000);

/** The probe after so many updates, as the lab would send it. */
export function inventedProbeRecord(step: number): ProbeRecord {
  const { isolatedLoss, ntpLoss, recallAt1, chance, effectiveDocuments } = metricsAt(
    Math.max(1, step),
  ) as unknown as Readonly<Record<string, number>>;
  const { batch, ...views } = viewsAt(step, PROBE_BATCH, ntpLoss! / isolatedLoss!, 0);
  const { chunks } = batch;
  /** Mean over the rows that have such cells of a row's sum over them, of A or of what reading all alike gives. */
  const share = (isSuch: (i: number, j: number) => boolean, value: (at: number) => number): number | undefined => {
    const sums = chunks.flatMap((_, i) => {
      const places = chunks.flatMap((_other, j) => (i !== j && isSuch(i, j) ? [i * SIZE + j] : []));
      return places.length === 0 ? [] : [places.reduce((sum, at) => sum + value(at), 0)];
    });
    return sums.length === 0 ? undefined : sums.reduce((sum, one) => sum + one, 0) / sums.length;
  };
  const isPartner = (i: number, j: number): boolean => chunks[i]?.document === chunks[j]?.document;
  const isWording = (i: number, j: number): boolean => !isPartner(i, j) && chunks[i]?.wording === chunks[j]?.wording;
  const read = (at: number): number => views.attention[at] ?? 0;
  const alike = (): number => 1 / (SIZE - 1);
  return {
    metrics: {
      step,
      ntpLoss,
      isolatedLoss,
      recallAt1,
      chance,
      effectiveDocuments,
      partnerShare: share(isPartner, read),
      partnerShareByChance: share(isPartner, alike),
      wordingShare: share(isWording, read),
      wordingShareByChance: share(isWording, alike),
      contrast: 0.4 * rise(step, 120, 20),
    },
    ...views,
  };
}

/** What is drawn of a batch after so many steps. `share`: loss with context over loss alone; `salt`: of its noise. */
function viewsAt(step: number, batch: BatchView, share: number, salt: number) {
  const found = rise(step, 200, 25);
  const grouped = rise(step, 40, 10) * (1 - found);
  const similarity: number[] = [];
  for (let i = 0; i < SIZE; i++) {
    for (let j = 0; j < SIZE; j++) {
      const isPartner = batch.chunks[i]?.document === batch.chunks[j]?.document;
      const isWording = !isPartner && batch.chunks[i]?.wording === batch.chunks[j]?.wording;
      similarity.push(
        0.45 +
          0.12 * noise(salt * 64 + i, j) +
          (isPartner ? 0.42 * found : -0.25 * found) +
          (isWording ? 0.3 * grouped : 0),
      );
    }
  }
  const attention = similarity.map((s, at) => {
    const row = Math.floor(at / SIZE);
    if (at % SIZE === row) return 0;
    let sum = 0;
    for (let j = 0; j < SIZE; j++) if (j !== row) sum += Math.exp((similarity[row * SIZE + j] ?? 0) / 0.1);
    return Math.exp(s / 0.1) / sum;
  });
  const alone = batch.chunks.map(({ tokens }, i) =>
    tokens.slice(1).map((_, t) => (noise(i, t + 20) > 0 ? 2.6 + noise(i, t) : 0.05 + 0.04 * noise(i, t))),
  );
  // Partners help more the later it is, all others hurt a little: 0.1 of it by token and chunk of equal length.
  const attentionGradient = attention.map((_, at) => {
    const [i, j] = [Math.floor(at / SIZE), at % SIZE];
    if (i === j) return 0;
    return (batch.chunks[i]?.document === batch.chunks[j]?.document ? -0.1 * rise(step, 120, 20) : 0.02) / SIZE;
  });
  const similarityGradient = attention.map((a, at) => {
    const row = Math.floor(at / SIZE) * SIZE;
    const mean = attention
      .slice(row, row + SIZE)
      .reduce((sum, one, j) => sum + one * (attentionGradient[row + j] ?? 0), 0);
    return (a * ((attentionGradient[at] ?? 0) - mean)) / 0.1;
  });
  return {
    batch,
    similarity,
    attention,
    attentionGradient,
    similarityGradient,
    tokenLoss: alone.map((losses) => losses.map((loss, t) => loss * share + (share > 0.9 ? 0.15 * noise(t, 9) : 0))),
    isolatedTokenLoss: alone,
  };
}
