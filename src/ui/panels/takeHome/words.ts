import { tableOf } from '../../../objectives/tables.ts';
import type { Configuration } from '../../../settings/configuration.ts';

/** What a run's learnt weights are called, and how they are opened elsewhere. */
export interface TakeHomeWords {
  /** "adapters", or "models" where whole models learn. */
  readonly noun: 'adapters' | 'models';
  readonly about: string;
  /** Python that opens them. */
  readonly python: string;
}

/** "rank 4, alpha 8 on q, v": settings that adapters ask for. */
export function shapeWords({ rank, alpha, loraTargets }: Readonly<Record<string, unknown>>): string {
  return `rank ${String(rank)}, alpha ${String(alpha)} on ${String(loraTargets).replaceAll(',', ', ')}`;
}

/** Adapters are small and need the models again that they were trained on; everything else goes out as whole models. */
export function takeHomeWords(configuration: Configuration): TakeHomeWords {
  const { needsLanguageModel } = tableOf(configuration);
  if (configuration.trained === 'lora') return adapters(configuration, needsLanguageModel);
  const imports = 'from transformers import AutoModel, AutoTokenizer';
  const retriever = [
    'folder = "retriever"',
    'tokenizer = AutoTokenizer.from_pretrained(folder)',
    'retriever = AutoModel.from_pretrained(folder)',
  ];
  const languageModel = ['', 'folder = "language-model"', 'lm = AutoModelForCausalLM.from_pretrained(folder)'];
  return {
    noun: 'models',
    about: needsLanguageModel
      ? 'Both models whole, each a folder that transformers opens, with their tokenizer, in one zip.'
      : 'The retriever whole, a folder that transformers opens, with its tokenizer, in a zip.',
    python: (needsLanguageModel
      ? [imports, 'from transformers import AutoModelForCausalLM', '', ...retriever, ...languageModel]
      : [imports, '', ...retriever]
    ).join('\n'),
  };
}

function adapters(
  { base, checkpoint, retrieverCheckpoint }: Configuration,
  needsLanguageModel: boolean,
): TakeHomeWords {
  const isSmall = base === 'scratch';
  // The zip brings the small models along; a checkpoint is where it came from.
  const languageModel = isSmall ? 'base' : checkpoint;
  const retriever = isSmall ? 'base' : retrieverCheckpoint || checkpoint;
  return {
    noun: 'adapters',
    about: aboutAdapters(isSmall, needsLanguageModel),
    python: [
      'from peft import PeftModel',
      `from transformers import AutoModel${needsLanguageModel ? ', AutoModelForCausalLM' : ''}`,
      '',
      `base = AutoModel.from_pretrained(${argument(retriever)})`,
      'retriever = PeftModel.from_pretrained(base, "retriever")',
      ...(needsLanguageModel
        ? [
            '',
            'base = AutoModelForCausalLM.from_pretrained(',
            `    ${argument(languageModel)})`,
            'lm = PeftModel.from_pretrained(base, "language-model")',
          ]
        : []),
    ].join('\n'),
  };
}

function aboutAdapters(isSmall: boolean, needsLanguageModel: boolean): string {
  const what = needsLanguageModel
    ? 'Both LoRA adapters as folders of PEFT'
    : 'The retriever’s LoRA adapter as a folder of PEFT';
  const lie = needsLanguageModel ? 'they lie' : 'it lies';
  return isSmall
    ? `${what}, with the small model that ${lie} on, in one zip.`
    : `${what} in one zip: some megabytes, to lie on the same checkpoint again.`;
}

function argument(name: string): string {
  const [repository = name, revision] = name.split('@');
  return JSON.stringify(repository) + (revision === undefined ? '' : `, revision=${JSON.stringify(revision)}`);
}
