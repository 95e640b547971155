import type { Condition } from '../setting.ts';

/** Conditions that several settings stand under. */

export const ON_CHECKPOINT: Condition = { only: { base: 'checkpoint' }, why: 'Only for a pretrained checkpoint.' };

export const ON_SMALL_MODELS: Condition = {
  only: { base: 'scratch' },
  why: 'The checkpoint has a shape and weights of its own.',
};

export const ON_ADAPTERS: Condition = { only: { trained: 'lora' }, why: 'Only for LoRA adapters.' };

export const WHERE_READ: Condition = {
  except: { contextGate: 0, learnGate: false },
  why: 'At γ 0 no neighbour is read.',
};

export const FOR_REVELA: Condition = {
  only: { objective: 'revela' },
  why: 'Only for Revela: elsewhere no chunk reads another in its layers.',
};

export const FOR_REPLUG: Condition = { only: { objective: 'replug' }, why: 'Only for REPLUG.' };

export const FOR_DISTILLATION: Condition = {
  only: { objective: 'distillation' },
  why: 'Only for listwise distillation.',
};

export const WITH_LANGUAGE_MODEL: Condition = {
  only: { objective: ['revela', 'replug'] },
  why: 'No language model takes part: there is one checkpoint.',
};

/** Objectives in which views of chunks find each other among those of a batch. */
export const FOR_CONTRASTIVE: Condition = {
  only: { objective: ['infoNce', 'inverseCloze', 'decoupledSoftmax', 'mannWhitney'] },
  why: 'Only for objectives that tell views of chunks apart: InfoNCE, inverse cloze, decoupled softmax, Mann–Whitney.',
};

export const ON_OWN_TEXT: Condition = { only: { source: 'text' }, why: 'Only for your own text.' };
