/** Tensors outside the layers, under llama.cpp's name and under transformers'. */
const OUTER: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/** Those of a layer, between "blk.N." and ".weight" or ".bias". */
const INNER: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'post_attention_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** Factors of the rotary frequencies: read with the configuration, no weight. */
export const ROTARY_FACTORS = 'rope_freqs.weight';

/** The name that transformers has for a tensor; undefined where the models that can be run have none such. */
export function checkpointName(name: string): string | undefined {
  if (Object.hasOwn(OUTER, name)) return OUTER[name];
  const [, layer, inner = '', kind] = /^blk\.(\d{1,4})\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  return Object.hasOwn(INNER, inner) ? `model.layers.${layer}.${INNER[inner]}.${kind}` : undefined;
}

/** Whether its rows are those of query or key heads. */
export function isRotated(checkpointName: string): boolean {
  return /\.self_attn\.[qk]_proj\./.test(checkpointName);
}
