"""Makes a random BERT of one layer as an encoder's folder, and what it gives for some texts: `python make.py` in this folder, with
onnx 1.23.2, onnxruntime 1.32.0, tokenizers 0.23.3 and numpy 2.4.6. Vectors in goldens.json come from ONNX Runtime's own CPU code, the
tokens from Hugging Face's tokenizers, the pooling from numpy: nothing of this project's."""

import json
import os

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, POSITIONS, INNER, MOST = 8, 40, 16, 12
WORDS = """the a of and in to is that it on sea tide turns twice day light lamp keeper wrote ship night gull loud harbour boat
fog water air cold sand net quay bad weather find text page ##s ##ed ##ing ##er . , : ?""".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    ("passage", "The tide turns twice a day."),
    ("passage", "Fog is cold water in the air, and the keeper wrote of it in the night on the quay."),
    ("query", "loud gulls"),
    ("query", "sea"),
    ("passage", "zebra"),
    ("query", "the ships of the night turned in the harbour and the light of the lamp is on the water"),
]
random = np.random.default_rng(13)


def tokenizer():
    made = Tokenizer(models.WordPiece({token: i for i, token in enumerate(SPECIAL + WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.add_special_tokens(SPECIAL)
    return made


def model():
    """Embeddings, one head of attention with its mask, a feed-forward layer, each with a residual and a layer norm."""
    weights, nodes = [], []

    def tensor(name, *shape, scale=0.4):
        values = (random.standard_normal(shape) * scale).astype(np.float32)
        weights.append(numpy_helper.from_array(values, name))
        return name

    def constant(name, values):
        weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def op(kind, *inputs, out, **attributes):
        nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def dense(x, name, rows, columns):
        product = op("MatMul", x, tensor(f"{name}.w", rows, columns), out=f"{name}.p")
        return op("Add", product, tensor(f"{name}.b", columns, scale=0.1), out=name)

    def norm(x, name):
        gain = constant(f"{name}.g", np.ones(WIDTH, np.float32))
        return op("LayerNormalization", x, gain, tensor(f"{name}.b", WIDTH, scale=0.1), out=name, axis=-1)

    count = len(SPECIAL) + len(WORDS)
    tokens = op("Gather", tensor("words", count, WIDTH, scale=1.0), "input_ids", out="e.words")
    kinds = op("Gather", tensor("kinds", 2, WIDTH), "token_type_ids", out="e.kinds")
    length = op("Gather", op("Shape", "input_ids", out="shape"), constant("one", np.int64(1)), out="length")
    places = op("Range", constant("zero", np.int64(0)), length, constant("step", np.int64(1)), out="range")
    positions = op("Gather", tensor("positions", POSITIONS, WIDTH), places, out="e.places")
    x = norm(op("Add", op("Add", tokens, kinds, out="e.1"), positions, out="e.2"), "e")
    q, k, v = (dense(x, name, WIDTH, WIDTH) for name in "qkv")
    scores = op("MatMul", q, op("Transpose", k, out="kt", perm=[0, 2, 1]), out="s.raw")
    scaled = op("Mul", scores, constant("scale", np.float32(WIDTH**-0.5)), out="s.scaled")
    absent = op("Sub", constant("1", np.float32(1)), op("Cast", "attention_mask", out="m", to=TensorProto.FLOAT), out="absent")
    bias = op("Mul", absent, constant("far", np.float32(-1e9)), out="bias.flat")
    masked = op("Add", scaled, op("Unsqueeze", bias, constant("axis", np.array([1], np.int64)), out="bias"), out="s")
    mixed = op("MatMul", op("Softmax", masked, out="a", axis=-1), v, out="mixed")
    x = norm(op("Add", x, dense(mixed, "o", WIDTH, WIDTH), out="r.1"), "n.1")
    inner = op("Tanh", dense(x, "up", WIDTH, INNER), out="inner")
    norm(op("Add", x, dense(inner, "down", INNER, WIDTH), out="r.2"), "last_hidden_state")
    ids = ["batch", "tokens"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ids) for n in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*ids, WIDTH])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write(name, value):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


cut = tokenizer()
cut.save(os.path.join(HERE, "tokenizer.json"))
write("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": POSITIONS,
      "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"})
write("config.json", {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": WIDTH, "num_hidden_layers": 1,
      "num_attention_heads": 1, "intermediate_size": INNER, "max_position_embeddings": POSITIONS,
      "vocab_size": len(SPECIAL) + len(WORDS), "type_vocab_size": 2, "pad_token_id": 0})
write("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
      {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
      {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
write("1_Pooling/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True})
PROMPTS = {"query": "find : ", "passage": "text : "}
write("config_sentence_transformers.json", {"prompts": PROMPTS})
write("sentence_bert_config.json", {"max_seq_length": MOST, "do_lower_case": False})
os.makedirs(os.path.join(HERE, "onnx"), exist_ok=True)
path = os.path.join(HERE, "onnx", "model.onnx")
save(model(), path)

session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def states(ids):
    row = np.array([ids], np.int64)
    return session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)})[0][0]


def unit(vector):
    vector = vector.astype(np.float64)
    return (vector / np.linalg.norm(vector)).tolist()


cut.enable_truncation(MOST)
rows = []
for role, text in TEXTS:
    ids = cut.encode(PROMPTS[role] + text).ids
    found = states(ids)
    rows.append({"role": role, "text": text, "tokens": ids, "mean": unit(found.mean(axis=0, dtype=np.float64)),
                 "first": unit(found[0]), "eos": unit(found[-1])})
write("goldens.json", rows)
