"""A Llama-family decoder with LoRA in plain PyTorch for the CPU: rows laid end to end, frozen weights in bfloat16, the rest float32.

The mathematics is that of docs/METHOD.md; the names of the steps are its names.
"""

import json
import math

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer


class Rows:
    """Token rows laid end to end: ids [T], and where each token stands in a padded [rows, longest]."""

    def __init__(self, rows, inverse_frequencies):
        self.lengths = torch.tensor([len(row) for row in rows])
        self.count, self.longest = len(rows), int(self.lengths.max())
        self.ids = torch.tensor([token for row in rows for token in row])
        self.row = torch.repeat_interleave(torch.arange(self.count), self.lengths)
        self.place = torch.cat([torch.arange(len(row)) for row in rows])
        self.flat = self.row * self.longest + self.place
        self.filled = torch.zeros(self.count * self.longest, dtype=torch.bool)
        self.filled[self.flat] = True
        angles = self.place[:, None] * inverse_frequencies
        angles = torch.cat([angles, angles], -1)
        self.cos, self.sin = angles.cos()[:, None], angles.sin()[:, None]

    def rotate(self, x):
        half = x.shape[-1] // 2
        return x * self.cos + torch.cat([-x[..., half:], x[..., :half]], -1) * self.sin

    def pad(self, x):
        """[T, heads, d] → [rows, heads, longest, d]"""
        padded = x.new_zeros(self.count * self.longest, *x.shape[1:]).index_copy(0, self.flat, x)
        return padded.view(self.count, self.longest, *x.shape[1:]).transpose(1, 2)

    def unpad(self, y):
        """[rows, heads, longest, d] → [T, heads · d]"""
        return y.transpose(1, 2).reshape(self.count * self.longest, -1)[self.flat]


class Decoder:
    """Frozen weights of a folder (config.json, model.safetensors, tokenizer.json): Llama without biases, tied embedding."""

    def __init__(self, folder):
        with open(folder + '/config.json') as file:
            config = json.load(file)
        weights = {name: tensor.float() for name, tensor in load_file(folder + '/model.safetensors').items()}
        self.heads, self.groups = config['num_attention_heads'], config['num_key_value_heads']
        self.width, self.layers = config['hidden_size'], config['num_hidden_layers']
        self.inner, self.epsilon = config['intermediate_size'], config['rms_norm_eps']
        self.head_width = config.get('head_dim') or self.width // self.heads
        end = config['eos_token_id']
        self.end = end if isinstance(end, int) else end[0]
        theta = config.get('rope_theta') or config['rope_parameters']['rope_theta']
        self.inverse_frequencies = 1 / (theta ** (torch.arange(0, self.head_width, 2).float() / self.head_width))
        self.tokenizer = Tokenizer.from_file(folder + '/tokenizer.json')
        self.embedding, self.final_norm = weights['model.embed_tokens.weight'], weights['model.norm.weight']
        self.output = self.embedding.bfloat16()
        self.stack = [self._layer(weights, f'model.layers.{layer}.') for layer in range(self.layers)]

    @staticmethod
    def _layer(weights, prefix):
        join = lambda *names: torch.cat([weights[f'{prefix}{name}_proj.weight'] for name in names]).bfloat16()
        return {
            'qkv': join('self_attn.q', 'self_attn.k', 'self_attn.v'),
            'o': join('self_attn.o'),
            'gateUp': join('mlp.gate', 'mlp.up'),
            'down': join('mlp.down'),
            'norm1': weights[prefix + 'input_layernorm.weight'],
            'norm2': weights[prefix + 'post_attention_layernorm.weight'],
        }

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def rows(self, rows):
        return Rows(rows, self.inverse_frequencies)

    def lora(self, rank, layers, generator):
        """Adapters (α = 2 · rank) on all seven projections of the first layers: A ±1/√columns, B = 0."""
        key_width = self.groups * self.head_width
        shapes = {
            'qkv': ((self.heads * self.head_width, key_width, key_width), self.width),
            'o': ((self.width,), self.heads * self.head_width),
            'gateUp': ((self.inner, self.inner), self.width),
            'down': ((self.width,), self.inner),
        }
        adapters = {}
        for layer in range(layers):
            for name, (outputs, columns) in shapes.items():
                a = (torch.rand(len(outputs) * rank, columns, generator=generator) * 2 - 1) / math.sqrt(columns)
                adapters[layer, name] = (a.requires_grad_(), [torch.zeros(o, rank).requires_grad_() for o in outputs])
        return adapters

    def _linear(self, x, layer, name, adapters):
        y = F.linear(x.bfloat16(), self.stack[layer][name]).float()
        if adapters is None or (layer, name) not in adapters:
            return y
        a, bs = adapters[layer, name]
        inner = F.linear(x, a).chunk(len(bs), -1)
        return y + 2 * torch.cat([F.linear(part, b) for part, b in zip(inner, bs)], -1)

    def run(self, adapters, rows, x, first, last, keep=None, context=None):
        """
        Residual stream x [T, D] before layer `first` → before layer `last`.
        keep: a dict that gets the keys and values of each layer; context: (A [B, B], keys and values, γ of each layer, V-norm).
        """
        repeat = lambda t: t.repeat_interleave(self.heads // self.groups, 1)
        d = self.head_width
        for layer in range(first, last):
            weights = self.stack[layer]
            h = F.rms_norm(x, (self.width,), weights['norm1'], self.epsilon)
            q, k, v = self._linear(h, layer, 'qkv', adapters).split([self.heads * d, self.groups * d, self.groups * d], -1)
            q = rows.pad(rows.rotate(q.view(-1, self.heads, d)))
            k, v = rows.pad(rows.rotate(k.view(-1, self.groups, d))), rows.pad(v.view(-1, self.groups, d))
            if keep is not None:
                keep[layer] = (k, v)
            o = F.scaled_dot_product_attention(q, repeat(k), repeat(v), is_causal=True)
            if context is not None and context[2][layer]:
                o = o + self._in_batch(rows, q, *map(repeat, context[1][layer]), context[0], context[2][layer], context[3])
            x = x + self._linear(rows.unpad(o), layer, 'o', adapters)
            h = F.rms_norm(x, (self.width,), weights['norm2'], self.epsilon)
            gate, up = self._linear(h, layer, 'gateUp', adapters).chunk(2, -1)
            x = x + self._linear(F.silu(gate) * up, layer, 'down', adapters)
        return x

    def _in_batch(self, rows, q, k, v, attention, gate, value_norm):
        """γ Σ_j A_ij O_ij, with V-normalisation if asked: [B, H, L, d] (step 4)."""
        count, length, d = rows.count, rows.longest, self.head_width
        flat = lambda t: t.transpose(0, 1).reshape(self.heads, count * length, d)
        scores = (flat(q) * d**-0.5) @ flat(k).transpose(1, 2)
        p = scores.masked_fill(~rows.filled, -1e30).view(self.heads, count * length, count, length).softmax(-1)
        share = attention.repeat_interleave(length, 0)[None]
        if value_norm:
            norms = flat(v).norm(dim=-1).view(self.heads, 1, count, length)
            share = share / ((p * norms).sum(-1) + 1e-6)
        read = (p * share[..., None]).view(self.heads, count * length, count * length) @ flat(v)
        return gate * read.view(self.heads, count, length, d).transpose(0, 1)

    def loss(self, x, rows, output):
        """Mean next-token loss over all rows; output: the embedding, in the precision to compute logits in."""
        h = F.rms_norm(x, (self.width,), self.final_norm, self.epsilon)
        targets = (rows.place > 0).nonzero()[:, 0]
        return F.cross_entropy(F.linear(h[targets - 1].to(output.dtype), output).float(), rows.ids[targets])
