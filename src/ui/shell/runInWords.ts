import { tableOf } from '../../objectives/tables.ts';
import { SETTINGS, type Configuration, type SettingKey } from '../../settings/configuration.ts';
import { count } from '../components/format.ts';

/** What a run is made from, in a few words each. */
export function runInWords(c: Configuration): string[] {
  return [
    choiceWords('source', c),
    `${c.chunks} chunks × ${c.chunkTokens} tokens`,
    ...(tableOf(c).gain
      ? [`who is read: ${choiceWords('attention', c).toLowerCase()}`, `τ ${c.temperature}`]
      : [choiceWords('objective', c), ...temperatureWords(c)]),
    ...(c.base === 'checkpoint'
      ? [c.checkpoint]
      : [`${count(c.layers, 'layer')} × ${c.width}`, choiceWords('initialisation', c).toLowerCase()]),
    c.trained === 'lora' ? loraWords(c) : 'trained whole',
    `AdamW ${c.learningRate}`,
    `seed ${c.seed}`,
  ];
}

/** Of an objective without a gain of context: the temperature of its shares, where it draws such. */
function temperatureWords(c: Configuration): string[] {
  const softmax = tableOf(c).matrices.find((matrix) => matrix.softmax)?.softmax;
  return softmax ? [`τ ${c[softmax.temperature as SettingKey]}`] : [];
}

/** "LoRA r 8", on what where that is not everything, and its dropout where there is any. Runs kept before there was a choice have none. */
function loraWords({
  rank,
  loraTargets = SETTINGS.loraTargets.default,
  loraDropout = 0,
}: Partial<Configuration>): string {
  const on = loraTargets === SETTINGS.loraTargets.default ? '' : ` on ${loraTargets.replaceAll(',', ', ')}`;
  const dropout = loraDropout === 0 ? '' : `, dropout ${loraDropout}`;
  return `LoRA r ${rank}${on}${dropout}`;
}

function choiceWords(key: SettingKey, configuration: Configuration): string {
  const setting = SETTINGS[key];
  const value = configuration[key];
  return setting.kind === 'choice'
    ? (setting.choices.find((choice) => choice.value === value)?.label ?? String(value))
    : String(value);
}
