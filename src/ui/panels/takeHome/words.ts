import type { Configuration } from '../../../settings/configuration.ts';

/** What a run's learnt weights are called, and how they are opened elsewhere. */
export interface TakeHomeWords {
  /** "adapters", or "models" where whole models learn. */
  readonly noun: 'adapters' | 'models';
  readonly about: string;
  /** Python that opens them. */
  readonly python: string;
}

/** Adapters are small and need the models again that they were trained on; everything else goes out as whole models. */
export function takeHomeWords(configuration: Configuration): TakeHomeWords {
  if (configuration.trained === 'lora') return adapters(configuration);
  return {
    noun: 'models',
    about: 'Both models whole, each a folder that transformers opens, with their tokenizer, in one zip.',
    python: [
      'from transformers import AutoModel, AutoTokenizer',
      'from transformers import AutoModelForCausalLM',
      '',
      'folder = "retriever"',
      'tokenizer = AutoTokenizer.from_pretrained(folder)',
      'retriever = AutoModel.from_pretrained(folder)',
      '',
      'folder = "language-model"',
      'lm = AutoModelForCausalLM.from_pretrained(folder)',
    ].join('\n'),
  };
}

function adapters({ base, checkpoint, retrieverCheckpoint }: Configuration): TakeHomeWords {
  const isSmall = base === 'scratch';
  // The zip brings the small models along; a checkpoint is where it came from.
  const languageModel = isSmall ? 'base' : checkpoint;
  const retriever = isSmall ? 'base' : retrieverCheckpoint || checkpoint;
  return {
    noun: 'adapters',
    about: isSmall
      ? 'Both LoRA adapters as folders of PEFT, with the small model that they lie on, in one zip.'
      : 'Both LoRA adapters as folders of PEFT in one zip: some megabytes, to lie on the same checkpoint again.',
    python: [
      'from peft import PeftModel',
      'from transformers import AutoModel, AutoModelForCausalLM',
      '',
      `base = AutoModel.from_pretrained(${argument(retriever)})`,
      'retriever = PeftModel.from_pretrained(base, "retriever")',
      '',
      'base = AutoModelForCausalLM.from_pretrained(',
      `    ${argument(languageModel)})`,
      'lm = PeftModel.from_pretrained(base, "language-model")',
    ].join('\n'),
  };
}

function argument(name: string): string {
  const [repository = name, revision] = name.split('@');
  return JSON.stringify(repository) + (revision === undefined ? '' : `, revision=${JSON.stringify(revision)}`);
}
