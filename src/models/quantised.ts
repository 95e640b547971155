/** How methods are called by those who use them; one that is not here is called as its file calls it. */
const METHODS: Readonly<Record<string, string>> = {
  bitsandbytes: 'bitsandbytes',
  gptq: 'GPTQ',
  awq: 'AWQ',
  fp8: 'FP8',
  fbgemm_fp8: 'FP8',
  mxfp4: 'MXFP4',
  nvfp4: 'NVFP4',
  hqq: 'HQQ',
  aqlm: 'AQLM',
};
const LONGEST_NAME = 40;

/**
 * Method and bits of the quantisation that a config.json speaks of ("bitsandbytes, 4 bits"); undefined for plain weights.
 * transformers writes it as quantization_config; compressed-tensors used to write compression_config.
 */
export function quantisationOf(fields: Readonly<Record<string, unknown>>): string | undefined {
  const found = [fields['quantization_config'], fields['compression_config']].find(isFilled);
  if (!found) return undefined;
  // Before there was quant_method, only bitsandbytes wrote this.
  const method = found['quant_method'] ?? (isBitsAndBytes(found) ? 'bitsandbytes' : undefined);
  const name =
    typeof method === 'string' ? (METHODS[method] ?? method.slice(0, LONGEST_NAME)) : 'by a method that is not named';
  const bits = bitsOf(found);
  return bits === undefined ? name : `${name}, ${bits} bits`;
}

/** A message for people: what it is, and what to take instead. */
export function quantisedText(how: string): string {
  return (
    `This checkpoint is quantised (${how}), which cannot be run. Take the unquantised one, whose name is often the same without ` +
    '-bnb-4bit, -GPTQ, -AWQ or -FP8 (its weights can lie in memory as int8), or a GGUF file of it.'
  );
}

function isFilled(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

function isBitsAndBytes(fields: Readonly<Record<string, unknown>>): boolean {
  return 'load_in_4bit' in fields || 'load_in_8bit' in fields;
}

function bitsOf(fields: Readonly<Record<string, unknown>>): number | undefined {
  if (fields['load_in_4bit'] === true) return 4;
  if (fields['load_in_8bit'] === true) return 8;
  const bits = fields['bits'] ?? fields['w_bit'] ?? fields['nbits'];
  return typeof bits === 'number' && Number.isInteger(bits) && bits > 0 && bits <= 16 ? bits : undefined;
}
