import { embeddingsTsv, writeNpy } from '../../files/formats/embeddingFiles.ts';
import { configure } from '../../settings/configuration.ts';
import { setUpCorpus } from '../../run/corpusSetup.ts';
import { preset } from '../../settings/presets.ts';
import { EmbeddingIndex } from '../../retrieval/embeddingIndex.ts';
import { readGivenFiles } from '../support/givenFiles.ts';
import { folderFiles } from '../support/nodeFiles.ts';
import { openCheckpoint } from '../support/modelFolder.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { openRetriever, usualSettings } from '../support/retriever.ts';
import { ProgressLine, reportCompiling, reportNotices, timeText } from '../support/reports.ts';
import {
  FILE_HELP,
  nothingMore,
  ownTextChanges,
  parse,
  required,
  UsageError,
  whole,
  type Command,
} from '../support/usage.ts';

export const embedCommand: Command = {
  name: 'embed',
  usage: '--model PATH --file TEXT',
  summary: 'cuts a text into chunks, embeds them with a retriever, and searches them',
  help: `  --model PATH             a Hugging Face folder of the Qwen or Llama family, or a GGUF file of such a model
  --adapter DIR            a PEFT folder: a trained retriever's adapter over it
${FILE_HELP}
  --query TEXT             print the chunks that are nearest to it
  --top N                  how many (default 5)
  --out FILE               write the chunks' embeddings: FILE.npy ([chunks, width], float32) or FILE.tsv (with the texts)
${FORCE_HELP}
  --chunkTokens N          tokens of a chunk (default: at most ${preset('gentle').configuration.chunkTokens}, and short enough for most documents to have two)
  --pooling NAME           mean, content, eos or first: the one that the retriever was trained with
  --retrieverDepth N       layers that the retriever ran: 0 all, 12 the first twelve, -1 all but the last (=-1)
A retriever that was exported here says itself what it pools, how deep it is and what is subtracted; of others the default is the
mean of all tokens after all layers.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      model: { type: 'string' },
      adapter: { type: 'string' },
      file: { type: 'string', multiple: true },
      documents: { type: 'string' },
      documentUnit: { type: 'string' },
      column: { type: 'string' },
      query: { type: 'string' },
      top: { type: 'string' },
      out: { type: 'string' },
      ...FORCE_OPTION,
      chunkTokens: { type: 'string' },
      chunkFit: { type: 'string' },
      pooling: { type: 'string' },
      retrieverDepth: { type: 'string' },
    });
    nothingMore(positionals);
    const folder = required('model', values.model, 'the folder of a checkpoint');
    const { file, query, out, documentUnit, column, chunkTokens, chunkFit, pooling, retrieverDepth } = values;
    required('file', file?.[0], 'the text to embed');
    const top = whole('top', values.top, 5);
    if (query === undefined && out === undefined)
      throw new UsageError('Nothing to do: give --query TEXT or --out FILE.');
    if (out !== undefined && !/\.(npy|tsv)$/.test(out))
      throw new UsageError(`--out ends in .npy or .tsv, to say which of the two is meant; ${out} does not.`);
    const outputs = await Outputs.prepare([{ option: '--out', path: out, kind: 'file' }], {
      force: values.force,
      inputs: { '--file': file },
    });
    // Batches are not made; what is asked of them must not stand in the way of a short text.
    const small = { batching: 'random', chunks: 2 };
    const settings = { documentUnit, column, chunkTokens, chunkFit, pooling, retrieverDepth };
    const given = Object.entries(settings).filter(([, value]) => value !== undefined);
    const changes = { ...small, ...Object.fromEntries(given), ...ownTextChanges(values) };
    const beside = folderFiles(values.adapter ?? folder);
    const configuration = configure({ ...(await usualSettings(beside)), ...changes }, preset('gentle').configuration);
    const { text, title } = await readGivenFiles(file ?? [], signal);

    const pretrained = await openCheckpoint(folder);
    const bases = { languageModel: pretrained, retriever: pretrained };
    const { chunks, summary } = await setUpCorpus(configuration, { text, title, bases, signal });
    reportNotices(summary.notices);
    const runtime = await openNodeRuntime();
    reportCompiling(runtime);
    const retriever = await openRetriever(runtime, pretrained, {
      configuration,
      adapter: values.adapter,
      beside,
      maxTokens: configuration.chunkTokens,
      signal,
    });
    try {
      const line = new ProgressLine();
      const started = performance.now();
      const texts = chunks.map((chunk) => chunk.text);
      const { hiddenSize } = pretrained.config;
      const vectors = await retriever.embed('passage', texts, {
        onProgress: (fraction) => line.update(`Embedding ${texts.length} chunks: ${Math.floor(100 * fraction)} %`),
      });
      line.end(`Embedded ${texts.length} chunks in ${timeText(performance.now() - started)}`);
      await outputs.write('--out', () =>
        out?.endsWith('.npy') ? [writeNpy(vectors, [texts.length, hiddenSize])] : embeddingsTsv(texts, vectors),
      );
      if (query !== undefined)
        for (const { index, score } of new EmbeddingIndex(vectors, hiddenSize).search(
          await retriever.embed('query', [query]),
          top,
        )) {
          const chunk = chunks[index];
          process.stdout.write(
            `${score.toFixed(4)}  ${index}  ${chunk?.documentTitle ?? ''}\n    ${chunk?.text ?? ''}\n`,
          );
        }
      outputs.finish();
    } finally {
      retriever.destroy();
      runtime.destroy();
    }
  },
};
