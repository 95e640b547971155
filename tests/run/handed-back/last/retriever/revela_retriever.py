"""The retriever of this folder: SentenceTransformer("retriever", trust_remote_code=True), or Retriever("retriever") without it.

Texts begin with the prefix of their side (encode_query and encode_document put it there). What is read from
revela_retriever.json beside this file: the base, how many of its layers are run, which states are pooled.
"""
import json
import os

import torch
from transformers import AutoModel, AutoTokenizer


class Retriever(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        with open(os.path.join(folder, "revela_retriever.json"), encoding="utf8") as file:
            self.settings = json.load(file)
        base, revision = self.settings["base"], self.settings["revision"]
        if base.startswith("."):
            base = os.path.normpath(os.path.join(folder, base))
        self.tokenizer = AutoTokenizer.from_pretrained(base, revision=revision)
        model = AutoModel.from_pretrained(base, revision=revision).float()
        if self.settings["layers"] is not None:
            # The first layers alone, and no final norm over them.
            model.layers = model.layers[: self.settings["layers"]]
            model.norm = torch.nn.Identity()
        if self.settings["adapter"]:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, folder)
        self.model = model.eval()
        self.width = model.config.hidden_size
        self.centre = None
        if self.settings["centred"]:
            from safetensors.torch import load_file

            self.centre = load_file(os.path.join(folder, "centre.safetensors"))

    @classmethod
    def load(cls, model_name_or_path, subfolder="", **kwargs):
        return cls(os.path.join(model_name_or_path, subfolder))

    def save(self, output_path, **kwargs):
        raise NotImplementedError("Copy the folder: it is read as it stands.")

    def get_embedding_dimension(self):
        return self.width

    get_sentence_embedding_dimension = get_word_embedding_dimension = get_embedding_dimension

    def row(self, text):
        """Token ids of a text, the span of them that is pooled, and its side."""
        sides = self.settings["prefixes"]
        side = next((name for name, prefix in sides.items() if text.startswith(prefix)), None)
        if side is None:
            raise ValueError(f"A text begins with one of {list(sides.values())}: use encode_query and encode_document.")
        ending, most = self.settings["ending"], self.settings["maxLength"]
        if self.settings["endsItself"]:
            ids = self.tokenizer(text, truncation=True, max_length=most)["input_ids"]
        else:
            ids = self.tokenizer(text, truncation=True, max_length=most - len(ending))["input_ids"] + ending
        before = self.tokenizer(sides[side])["input_ids"]
        parting = next((i for i, (one, other) in enumerate(zip(before, ids)) if one != other), len(before))
        last = len(ids) - 1
        spans = {"eos": (last, last + 1), "mean": (0, last + 1), "first": (0, 1), "content": (parting, len(ids) - len(ending))}
        start, end = spans[self.settings["pooling"]]
        return ids, (start, end) if start < end else (last, last + 1), side

    def tokenize(self, texts, **kwargs):
        rows = [self.row(text) for text in texts]
        longest = max(len(ids) for ids, _, _ in rows)
        return {
            "input_ids": torch.tensor([ids + [0] * (longest - len(ids)) for ids, _, _ in rows]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _, _ in rows]),
            "spans": torch.tensor([span for _, span, _ in rows]),
            "sides": torch.tensor([list(self.settings["prefixes"]).index(side) for _, _, side in rows]),
        }

    def forward(self, features, **kwargs):
        hidden = self.model(input_ids=features["input_ids"], attention_mask=features["attention_mask"]).last_hidden_state
        pooled = torch.stack([row[start:end].mean(dim=0) for row, (start, end) in zip(hidden, features["spans"].tolist())])
        if self.centre is not None:
            centres = torch.stack([self.centre[side] for side in self.settings["prefixes"]]).to(pooled.device)
            pooled = pooled - centres[features["sides"]]
        features["sentence_embedding"] = torch.nn.functional.normalize(pooled, dim=-1)
        return features
