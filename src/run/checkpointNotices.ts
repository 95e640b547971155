import { quoted } from '../base/quote.ts';
import { PREFIXES } from '../corpus/prefixes.ts';
import { POOLING_CONFIG, PROMPTS_CONFIG } from '../files/models/sentenceTransformers.ts';
import { objectiveOf } from '../objectives/registry.ts';
import { SETTINGS, type Configuration } from '../settings/configuration.ts';
import type { Bases, Pretrained } from './pretrained.ts';

/**
 * What is worth saying of the checkpoints of a run, each thing once, with the name of the one that it is said of: what their files
 * contradict each other in, and where a run uses them otherwise than they were made for.
 */
export function noticesOf({ languageModel, retriever }: Bases, configuration: Configuration): string[] {
  const of = ({ name }: Pretrained, messages: readonly string[]) => messages.map((message) => `${name}: ${message}`);
  const { needsLanguageModel } = objectiveOf(configuration);
  const predicts = needsLanguageModel && languageModel.bodyOnly === true && languageModel.config.tieWordEmbeddings;
  return [
    ...[...new Set([languageModel, retriever])].flatMap((one) => of(one, one.notices)),
    ...of(retriever, asRetriever(retriever, configuration)),
    ...of(
      languageModel,
      predicts
        ? [
            'It was saved without an output head, as embedding models are. As a language model it predicts tokens with its embedding table, which is possible since the two are one, but it may have forgotten how.',
          ]
        : [],
    ),
  ];
}

const prefixText = (prefix: string): string => (prefix === '' ? 'nothing' : quoted(prefix, 200));

/** Where an embedding model is used otherwise than it says of itself. */
function asRetriever({ embedding, tokenizer }: Pretrained, { pooling }: Configuration): string[] {
  if (!embedding) return [];
  const { pooling: own, pooledAs, further } = embedding;
  const { prefixes } = tokenizer;
  const { label, choices } = SETTINGS.pooling;
  const named = (value: string) => `“${choices.find((choice) => choice.value === value)?.label ?? value}”`;
  return [
    ...(own !== undefined && own !== pooling
      ? [
          `It is an embedding model that was trained on ${named(own)} (${POOLING_CONFIG}), and this run takes ${named(pooling)}. Under “${label}”, ${named(own)} (pooling ${own}) keeps what it has learnt.`,
        ]
      : []),
    ...(own === undefined && pooledAs !== undefined
      ? [`It is an embedding model that pools in a way that is not here (${pooledAs}, ${POOLING_CONFIG}).`]
      : []),
    ...(prefixes === PREFIXES
      ? []
      : [
          `It was trained on words of its own before a text (${PROMPTS_CONFIG}), and so they stand there: ${prefixText(prefixes.query)} before queries and ${prefixText(prefixes.passage)} before passages.`,
        ]),
    ...(further.length > 0 ? [`Parts of it that come after pooling are not read: ${further.join(', ')}.`] : []),
  ];
}
