import { isFields, ModelConfigError, positiveIn, shown, type Fields, type Note } from './configFields.ts';
import { parseScaling, type RotarySettings } from './rotaryScaling.ts';

/** Where config.json has its rotary settings: in one object since transformers 5, in two fields before. */
const OBJECTS = ['rope_scaling', 'rope_parameters'] as const;
const LAYER_TYPE = /_attention$/;

/**
 * The rotary settings of a config.json, wherever they stand in it. What wins is what wins in transformers 5
 * (RotaryEmbeddingConfigMixin.convert_rope_params_to_dict): of the objects rope_scaling and rope_parameters the first that
 * holds anything, whole; its rope_theta before the one outside, and that before the family's; rope_type before type; and
 * original_max_position_embeddings outside before inside. Nulls and empty objects count as left out.
 * @param note hears where the sources disagree.
 * @throws ModelConfigError for a type that cannot be run, or a number that is missing or impossible.
 */
export function parseRotary(fields: Fields, familyTheta: number, note: Note): RotarySettings {
  const [used, passedOver] = OBJECTS.flatMap((name) => {
    const value = fields[name];
    if (value === undefined || value === null) return [];
    if (!isFields(value)) throw new ModelConfigError(`config.json: ${name} should be an object, not ${shown(value)}.`);
    return Object.keys(value).length > 0 ? [{ name, value }] : [];
  });
  const inner = used?.value ?? {};
  const settings = read(inner, fields, familyTheta);
  if (used && passedOver && differ(settings, passedOver.value, fields, familyTheta))
    note(
      `config.json describes rotary positions twice, and differently: ${used.name} is used, as in transformers 5, and ${passedOver.name} is not.`,
    );
  const [inside, outside] = [inner['rope_theta'], fields['rope_theta']];
  if (used && typeof inside === 'number' && typeof outside === 'number' && inside !== outside)
    note(
      `config.json gives rope_theta twice: ${inside} in ${used.name} is used, as in transformers 5, and ${outside} outside of it is not.`,
    );
  const { rope_type: type, type: older } = inner;
  if (typeof type === 'string' && typeof older === 'string' && type !== older)
    note(
      `config.json: the rotary scaling is called ${shown(type)} by rope_type, which is used, and ${shown(older)} by type.`,
    );
  return settings;
}

function read(inner: Fields, outer: Fields, familyTheta: number): RotarySettings {
  if (Object.entries(inner).some(([key, value]) => LAYER_TYPE.test(key) && isFields(value)))
    throw new ModelConfigError('Rotary positions that differ between kinds of layers (rope_parameters) cannot be run.');
  const type = inner['rope_type'] ?? inner['type'] ?? 'default';
  const part = inner['partial_rotary_factor'] ?? outer['partial_rotary_factor'] ?? 1;
  // Of the plain rotation these families turn whole heads, whatever the field says.
  if (type !== 'default' && part !== 1)
    throw new ModelConfigError('Heads that are turned in part (partial_rotary_factor) cannot be run.');
  const ropeTheta = positiveIn({ rope_theta: inner['rope_theta'] ?? outer['rope_theta'] }, 'rope_theta', familyTheta);
  const original = outer['original_max_position_embeddings'] ?? inner['original_max_position_embeddings'];
  const longest = outer['max_position_embeddings'];
  const ropeScaling = parseScaling(
    type,
    { ...inner, original_max_position_embeddings: original },
    typeof longest === 'number' && longest > 0 ? longest : undefined,
  );
  if (ropeScaling?.type === 'yarn' && ropeTheta <= 1)
    throw new ModelConfigError(`config.json: rope_theta should be above 1 for yarn, not ${ropeTheta}.`);
  return { ropeTheta, ropeScaling };
}

/** Whether the object that is passed over would have given other settings, or none that can be run. */
function differ(settings: RotarySettings, other: Fields, outer: Fields, familyTheta: number): boolean {
  try {
    return JSON.stringify(read(other, outer, familyTheta)) !== JSON.stringify(settings);
  } catch {
    return true;
  }
}
