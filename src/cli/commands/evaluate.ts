import { BUILT_IN_COLLECTIONS } from '../../evaluation/collections/builtInTable.ts';
import { documentText, type LabelledCollection } from '../../evaluation/collections/collection.ts';
import { measure, USUAL_MEASURES } from '../../evaluation/measures/measures.ts';
import { CONVENTIONS, scoresOf, type Convention } from '../../evaluation/measures/scores.ts';
import { evaluationJson, perQueryText, type Evaluated, type EvaluatedSystem } from '../../evaluation/report.ts';
import { USUAL_BM25 } from '../../evaluation/systems/lexical.ts';
import { USUAL_DEPTH, type RankingOptions, type RetrievalSystem } from '../../evaluation/systems/system.ts';
import { qrelsText } from '../../evaluation/trec/qrelsFile.ts';
import { readRunFile, runText } from '../../evaluation/trec/runFile.ts';
import type { Rankings } from '../../evaluation/types.ts';
import type { Encoder } from '../../encoder/encoder.ts';
import { ENCODER_POOLINGS } from '../../encoder/encoderFiles.ts';
import { readAdapterArchive } from '../../files/adapters/adapterArchive.ts';
import type { FileLookup } from '../../files/formats/byteSource.ts';
import { USUAL_TEXT_TOKENS } from '../../run/collectionScores.ts';
import { configure } from '../../settings/configuration.ts';
import { COLLECTION_OPTIONS, openCollection, requireFile } from '../support/evaluation/collectionSource.ts';
import {
  DENSE,
  neededDense,
  SYSTEMS,
  systemNames,
  Systems,
  type DenseName,
  type SystemParts,
} from '../support/evaluation/systems.ts';
import { evaluationText, lossesText } from '../support/evaluation/report.ts';
import { openEncoderFolder } from '../support/encoder.ts';
import { openCheckpoint } from '../support/modelFolder.ts';
import { folderFiles } from '../support/nodeFiles.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { ProgressLine, reportCompiling, reportNotices, timeText } from '../support/reports.ts';
import { openRetriever, usualSettings } from '../support/retriever.ts';
import { openAdapters } from '../support/save.ts';
import {
  decimal,
  FILE_HELP,
  folderName,
  nothingMore,
  parse,
  UsageError,
  whole,
  type Command,
} from '../support/usage.ts';

const LOSSES = 3;

export const evaluateCommand: Command = {
  name: 'evaluate',
  usage: '--collection NAME|DIR [--systems NAMES] [--model PATH [--adapters PATH]]',
  summary: 'measures retrievers on labelled queries, beside BM25 and other systems',
  help: `  --collection NAME|PATH   ${BUILT_IN_COLLECTIONS.map(({ id }) => id).join(', ')}, or a folder or zip file in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/test.tsv
  --split NAME             which judgements: qrels/NAME.tsv (default test)
  --qrels FILE             other judgements, of BEIR or TREC
${FILE_HELP}
                           without labels: a document's heading or first sentence asks for the rest of it
  --systems NAMES          with commas between; the first is what the others are compared with:
${Object.entries(SYSTEMS)
  .map(([name, { words }]) => `                             ${name.padEnd(13)}${words}`)
  .join('\n')}
                           (default bm25,tfidf, and untrained with --model, trained with --adapters)
  --ranked FILE            a run file of TREC's as one more system; may be given several times
  --k1 K --b B             BM25's constants (default ${USUAL_BM25.k1} and ${USUAL_BM25.b})
  --model PATH             a Hugging Face folder of the Qwen or Llama family, or a GGUF file
  --adapters PATH          what was trained over it: a folder or zip file, as exported here or saved by PEFT
  --encoder DIR            a pretrained encoder as transformers.js reads it: config.json, tokenizer.json, onnx/model_quantized.onnx
  --dense NAME             which of ${DENSE.join(', ')} the systems stand on that need one (default: the first that there is)
  --max-tokens N           tokens of a text that a retriever reads (default ${USUAL_TEXT_TOKENS}; fewer where an encoder's files say so)
  --pooling NAME           mean, content, eos or first, where the retriever's own files do not say; mean, eos or first of an encoder
  --retrieverDepth N       layers that it runs, likewise
  --measures NAMES         default ${USUAL_MEASURES.join(',')}; systems are compared by the first
  --as NAME                over which queries means go: ${CONVENTIONS.join(', ')} (default ${CONVENTIONS[0]}: all with a relevant
                           document; the others are those of trec_eval, trec_eval -c and BEIR)
  --depth N                documents of a list (default ${USUAL_DEPTH})
  --seed N                 of resamples, sign flips and folds (default 0)
  --run FILE               write the first system's rankings as TREC has them; those of others beside it, as FILE.NAME
  --qrels-out FILE         write the judgements as TREC has them
  --per-query FILE.tsv     write every query with all systems' values, the last system's worst losses first
  --losses N               how many of them are printed (default ${LOSSES})
  --json                   a system a line as a JSON object
${FORCE_HELP}`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...COLLECTION_OPTIONS,
      systems: { type: 'string' },
      ranked: { type: 'string', multiple: true },
      k1: { type: 'string' },
      b: { type: 'string' },
      model: { type: 'string' },
      adapters: { type: 'string' },
      encoder: { type: 'string' },
      dense: { type: 'string' },
      'max-tokens': { type: 'string' },
      pooling: { type: 'string' },
      retrieverDepth: { type: 'string' },
      measures: { type: 'string' },
      as: { type: 'string' },
      depth: { type: 'string' },
      seed: { type: 'string' },
      run: { type: 'string' },
      'qrels-out': { type: 'string' },
      'per-query': { type: 'string' },
      losses: { type: 'string' },
      json: { type: 'boolean' },
      ...FORCE_OPTION,
    });
    nothingMore(positionals);
    const { names, dense } = systemNames(values.systems, values);
    const measures = (values.measures?.split(',') ?? USUAL_MEASURES).map((name) => measure(name.trim()));
    const [primary = measure(USUAL_MEASURES[0])] = measures;
    const convention = conventionOf(values.as);
    const losses = whole('losses', values.losses, LOSSES, { least: 0 });
    const seed = whole('seed', values.seed, 0, { least: 0 });
    const depth = whole('depth', values.depth, USUAL_DEPTH);
    const maxTokens =
      values['max-tokens'] === undefined
        ? undefined
        : whole('max-tokens', values['max-tokens'], USUAL_TEXT_TOKENS, { least: 8, most: 32_768 });
    const bm25 = {
      k1: decimal('k1', values.k1, USUAL_BM25.k1, { least: 0, most: 100 }),
      b: decimal('b', values.b, USUAL_BM25.b, { least: 0, most: 1 }),
    };
    const imported = await rankedFiles(values.ranked ?? [], names, signal);
    const outputs = await prepareOutputs(values, [...names, ...imported.map(({ id }) => id)]);
    const collection = await openCollection(values, signal);
    reportNotices(collection.notices);

    const needed = neededDense(names, dense);
    const opened = await openDense(needed, collection, { ...values, maxTokens }, signal);
    try {
      const { embedders } = opened;
      const systems = new Systems({ collection, bm25, measure: primary, seed, embedders, dense });
      const evaluated: EvaluatedSystem[] = [];
      for (const system of [...names.map((one) => systems.get(one)), ...imported]) {
        const { rankings, seconds } = await timed(system, { depth, signal });
        const scores = scoresOf(rankings, collection.qrels, measures, convention);
        const { id, words } = system;
        evaluated.push({ id, words, seconds, scores, weights: system.weights });
        await outputs.write(runOption(id), () => runText(rankings, id));
      }
      const all: Evaluated = { collection, systems: evaluated, measures, seed };
      await outputs.write('--qrels-out', () => qrelsText(collection.qrels));
      await outputs.write('--per-query', () => perQueryText(all));
      if (values.json) for (const line of evaluationJson(all)) process.stdout.write(`${JSON.stringify(line)}\n`);
      else process.stdout.write([evaluationText(all), lossesText(all, losses)].filter(Boolean).join('\n'));
      outputs.finish();
    } finally {
      await opened.close();
    }
  },
};

function conventionOf(text: string | undefined): Convention {
  const found = CONVENTIONS.find((one) => one === (text ?? CONVENTIONS[0]));
  if (found) return found;
  throw new UsageError(`--as takes ${CONVENTIONS.join(', ')}, not ${text ?? ''}.`);
}

/** Run files as systems, each called by its tag, or by its file's name where the tag is none or taken. */
async function rankedFiles(paths: readonly string[], taken: readonly string[], signal: AbortSignal) {
  const systems: RetrievalSystem[] = [];
  for (const path of paths) {
    const { rankings, tag, notices } = await readRunFile(await requireFile(path), { signal });
    reportNotices(notices);
    const used = [...taken, ...systems.map(({ id }) => id)];
    const id = tag !== '' && !used.includes(tag) ? tag : folderName(path);
    if (used.includes(id)) throw new UsageError(`Two systems are called ${id}: give ${path} another name.`);
    systems.push({ id, words: `the rankings of ${path}`, rank: () => Promise.resolve(rankings) });
  }
  return systems;
}

interface OutputFlags {
  readonly run?: string;
  readonly 'qrels-out'?: string;
  readonly 'per-query'?: string;
  readonly collection?: string;
  readonly qrels?: string;
  readonly ranked?: readonly string[];
  readonly force?: boolean;
}

/** The output that a system's rankings go to. */
function runOption(system: string): string {
  return `--run (${system})`;
}

/** Tries all that is to be written before the work begins. @throws UsageError */
function prepareOutputs(flags: OutputFlags, systems: readonly string[]): Promise<Outputs> {
  const { run, force, qrels, ranked } = flags;
  const runs = systems.map((system, i) => ({
    option: runOption(system),
    path: run === undefined || i === 0 ? run : besideIt(run, system),
    kind: 'file' as const,
  }));
  return Outputs.prepare(
    [
      ...runs,
      { option: '--qrels-out', path: flags['qrels-out'], kind: 'file' },
      { option: '--per-query', path: flags['per-query'], kind: 'file' },
    ],
    { force, inputs: { '--qrels': qrels, '--ranked': ranked } },
  );
}

/** "out.tfidf.trec" beside "out.trec". */
function besideIt(path: string, system: string): string {
  const [, stem = path, extension = ''] = /^(.*?)(\.[^./\\]*)?$/s.exec(path) ?? [];
  return `${stem}.${system}${extension}`;
}

interface ModelFlags {
  readonly model?: string;
  readonly adapters?: string;
  readonly pooling?: string;
  readonly retrieverDepth?: string;
  readonly encoder?: string;
  /** Undefined: as many as the retriever's own files say, 256 at most. */
  readonly maxTokens: number | undefined;
}

/** What makes vectors, opened as far as it is needed. */
async function openDense(
  needed: readonly DenseName[],
  collection: LabelledCollection,
  flags: ModelFlags,
  signal: AbortSignal,
): Promise<{ readonly embedders: SystemParts['embedders']; close: () => Promise<void> }> {
  const encoder = needed.includes('encoder') ? await openEncoder(collection, flags, signal) : undefined;
  const model = needed.some((name) => name !== 'encoder') ? await openModel(collection, flags, signal) : undefined;
  const { name = '', retriever } = model ?? {};
  const dimensions = retriever?.width ?? 0;
  return {
    embedders: {
      ...(encoder && { encoder: { embedder: encoder, words: `${encoder.name} (${encoder.card.weights.dtype})` } }),
      ...(retriever && {
        untrained: { embedder: { dimensions, embed: retriever.embedUntrained }, words: name },
        trained: { embedder: { dimensions, embed: retriever.embed }, words: `${name} with its adapter` },
      }),
    },
    async close() {
      model?.destroy();
      await encoder?.close();
    },
  };
}

async function openEncoder(collection: LabelledCollection, flags: ModelFlags, signal: AbortSignal): Promise<Encoder> {
  const { encoder: path = '', maxTokens } = flags;
  const pooling = ENCODER_POOLINGS.find((one) => one === flags.pooling);
  const encoder = await openEncoderFolder(path, { maxTokens, pooling, signal });
  const texts = collection.documents.map(documentText);
  const cut = cutNotice(await encoder.countLonger('passage', texts), texts.length, encoder.maxTokens, 'encoder');
  reportNotices([...encoder.card.notices, ...cut]);
  return encoder;
}

/** The retriever on the GPU. */
async function openModel(collection: LabelledCollection, flags: ModelFlags, signal: AbortSignal) {
  const { model = '', adapters, pooling, retrieverDepth, maxTokens = USUAL_TEXT_TOKENS } = flags;
  const adapter = adapters === undefined ? undefined : await retrieverFiles(adapters);
  const beside = adapter ?? folderFiles(model);
  const given = Object.entries({ pooling, retrieverDepth }).filter(([, value]) => value !== undefined);
  const configuration = configure({ ...(await usualSettings(beside)), ...Object.fromEntries(given) });
  const pretrained = await openCheckpoint(model);
  const texts = collection.documents.map(documentText);
  const longer = texts.filter((text) => pretrained.tokenizer.countTokens(text) > maxTokens).length;
  reportNotices([...pretrained.notices, ...cutNotice(longer, texts.length, maxTokens, 'retriever')]);
  const runtime = await openNodeRuntime();
  try {
    reportCompiling(runtime);
    const retriever = await openRetriever(runtime, pretrained, { configuration, adapter, beside, maxTokens, signal });
    return {
      retriever,
      name: pretrained.name,
      destroy() {
        retriever.destroy();
        runtime.destroy();
      },
    };
  } catch (cause) {
    runtime.destroy();
    throw cause;
  }
}

/** The files of a retriever's adapter: of a PEFT folder, or of what was exported here. @throws UsageError, ModelFileError */
async function retrieverFiles(path: string): Promise<FileLookup> {
  const { content, names } = await openAdapters(path);
  const { retriever } = await readAdapterArchive(content, { names: names && [...names] });
  if (!retriever) throw new UsageError(`${path} has adapters of a language model alone, and no retriever.`);
  return retriever;
}

/** Says how many documents are longer than what is read of them. */
function cutNotice(longer: number, all: number, maxTokens: number, reader: string): string[] {
  return longer === 0
    ? []
    : [`${longer} of ${all} documents have more than ${maxTokens} tokens: the ${reader} reads no further.`];
}

async function timed(
  system: RetrievalSystem,
  options: RankingOptions,
): Promise<{ rankings: Rankings; seconds: number }> {
  const line = new ProgressLine();
  const started = performance.now();
  const rankings = await system.rank({
    ...options,
    onProgress: (detail, fraction) => line.update(`${detail}: ${Math.floor(100 * fraction)} %`),
  });
  const took = performance.now() - started;
  line.end(`${system.id}: ${system.words}, in ${timeText(took)}`);
  return { rankings, seconds: took / 1000 };
}
