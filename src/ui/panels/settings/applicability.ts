import type { Configuration, SettingKey } from '../../../settings/configuration.ts';

/** Why a setting changes nothing at present; undefined when it does. */
export function whyIdle(key: SettingKey, c: Configuration): string | undefined {
  const isCheckpoint = c.base === 'checkpoint';
  switch (key) {
    case 'checkpoint':
    case 'retrieverCheckpoint':
    case 'precision':
    case 'autosaveEvery':
      return isCheckpoint ? undefined : 'Only for a pretrained checkpoint.';
    case 'layers':
    case 'width':
    case 'heads':
    case 'kvHeads':
    case 'mlpWidth':
    case 'initialisation':
      return isCheckpoint ? 'The checkpoint has a shape and weights of its own.' : undefined;
    case 'vocabulary':
      if (isCheckpoint) return 'The checkpoint has a vocabulary of its own.';
      return c.source === 'facts' ? 'The facts have a vocabulary of their own.' : undefined;
    case 'batching':
      return c.source === 'facts' ? 'Facts always come in groups.' : undefined;
    case 'groupSize':
      return c.source !== 'facts' && c.batching !== 'topics' ? 'Only for batches of topic groups.' : undefined;
    case 'rank':
    case 'alpha':
      return c.trained === 'full' ? 'Only for LoRA adapters.' : undefined;
    case 'temperature':
      return c.attention === 'learned' || c.attention === 'bm25' ? undefined : 'This control has no temperature.';
    case 'detachKeyValues':
      return c.freezeLanguageModel ? 'The language model is frozen: no such gradient.' : undefined;
    default:
      return undefined;
  }
}
