import type { Configuration } from '../../lab/configuration.ts';

/** What a run's learnt weights are called, and how they are opened elsewhere. */
export interface TakeHomeWords {
  /** "adapters", or "models" where whole models learn. */
  readonly noun: 'adapters' | 'models';
  readonly about: string;
  /** Python that opens them. */
  readonly python: string;
}

/** Adapters on a checkpoint are small and need it again; everything else goes out as whole models. */
export function takeHomeWords(configuration: Configuration): TakeHomeWords {
  if (configuration.base === 'checkpoint' && configuration.trained === 'lora') return adapters(configuration);
  return {
    noun: 'models',
    about: 'Both models whole, each a folder that transformers opens, with their tokenizer, in one zip.',
    python: [
      'from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer',
      '',
      'tokenizer = AutoTokenizer.from_pretrained("retriever")',
      'retriever = AutoModel.from_pretrained("retriever")',
      'language_model = AutoModelForCausalLM.from_pretrained("language-model")',
    ].join('\n'),
  };
}

function adapters({ checkpoint, retrieverCheckpoint }: Configuration): TakeHomeWords {
  const languageModel = checkpoint;
  const retriever = retrieverCheckpoint || checkpoint;
  return {
    noun: 'adapters',
    about: 'Both LoRA adapters as folders of PEFT in one zip: some megabytes, to lie on the same checkpoint again.',
    python: [
      'from peft import PeftModel',
      'from transformers import AutoModel, AutoModelForCausalLM',
      '',
      `retriever = PeftModel.from_pretrained(${load('AutoModel', retriever)}, "retriever")`,
      `language_model = PeftModel.from_pretrained(`,
      `    ${load('AutoModelForCausalLM', languageModel)}, "language-model")`,
    ].join('\n'),
  };
}

function load(kind: string, name: string): string {
  const [repository = name, revision] = name.split('@');
  const more = revision === undefined ? '' : `, revision=${JSON.stringify(revision)}`;
  return `${kind}.from_pretrained(${JSON.stringify(repository)}${more})`;
}
