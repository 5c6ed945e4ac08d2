"""GPT-2 in PyTorch, and its directories in Hugging Face's format."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tokenizer import Tokenizer

INIT_STD = 0.02
LAYER_NORM_EPSILON = 1e-5
CONV1D = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


@dataclass(frozen=True)
class GPT2Config:
    """The sizes of a model."""

    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int


class Attention(nn.Module):
    """Causal multi-head self-attention with a fused query, key and value projection."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.n_head, width // self.n_head).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(batch, length, width))


class MLP(nn.Module):
    """The feed-forward part: four times the width, GELU in its tanh form."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=LAYER_NORM_EPSILON)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=LAYER_NORM_EPSILON)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, dropout: float) -> Tensor:
        x = x + F.dropout(self.attn(self.ln_1(x)), dropout, self.training)
        return x + F.dropout(self.mlp(self.ln_2(x)), dropout, self.training)


class GPT2(nn.Module):
    """GPT-2's stack of blocks. The output embedding is tied to `wte`.

    The residual projections start at zero, so every block starts as the identity, and a run may begin with fewer
    `active_layers` and switch on the others later.
    """

    def __init__(self, config: GPT2Config, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.dropout = dropout
        self.active_layers = config.n_layer
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=LAYER_NORM_EPSILON)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight") or name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, std=config.n_embd**-0.5 if name.startswith("h.") else INIT_STD)

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states after the last layer norm, [batch, length, n_embd], for tokens [batch, length]."""
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.h[: self.active_layers]:
            x = block(x, self.dropout)
        return self.ln_f(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits of hidden states."""
        return F.linear(hidden, self.wte.weight)

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean cross-entropy of tokens [batch, length + 1], each predicted from those before it."""
        logits = self.logits(self(tokens[:, :-1]))
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


class SpamClassifier(nn.Module):
    """GPT-2 with a linear head without bias that reads the hidden state of the last real token."""

    def __init__(self, transformer: GPT2, labels: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.score = nn.Linear(transformer.config.n_embd, labels, bias=False)
        nn.init.normal_(self.score.weight, std=INIT_STD)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits [batch, labels] of right-padded tokens [batch, length]; padding never reaches the last real token."""
        hidden = self.transformer(tokens)
        return self.score(hidden[torch.arange(len(tokens)), lengths - 1])


def save_directory(directory: Path, model: GPT2 | SpamClassifier, tokenizer: Tokenizer, labels: list[str]) -> None:
    """Write `config.json`, `model.safetensors`, `vocab.json` and `merges.txt`, replacing the directory at once.

    The names and the [in, out] orientation of the projections are those of Hugging Face's `GPT2LMHeadModel` or
    `GPT2ForSequenceClassification`. `labels` is empty for a language model.
    """
    transformer = model if isinstance(model, GPT2) else model.transformer
    config = transformer.config
    description = {
        "architectures": ["GPT2ForSequenceClassification" if labels else "GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.vocab_size,
        "n_positions": config.n_positions,
        "n_ctx": config.n_positions,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_inner": None,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": LAYER_NORM_EPSILON,
        "tie_word_embeddings": True,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "bos_token_id": tokenizer.end_of_text,
        "eos_token_id": tokenizer.end_of_text,
        "torch_dtype": "float32",
    }
    if labels:
        description["pad_token_id"] = tokenizer.end_of_text
        description["id2label"] = {str(index): label for index, label in enumerate(labels)}
        description["label2id"] = {label: index for index, label in enumerate(labels)}

    temporary = directory.with_name(directory.name + ".new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    (temporary / "config.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    save_file(dict(_exported(model)), temporary / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(temporary)
    old = directory.with_name(directory.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if directory.exists():
        os.rename(directory, old)
    os.rename(temporary, directory)
    shutil.rmtree(old, ignore_errors=True)


def load_directory(directory: Path) -> tuple[GPT2 | SpamClassifier, Tokenizer, list[str]]:
    """Read what `save_directory` wrote."""
    description = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    labels = list(description.get("id2label", {}).values())
    model: GPT2 | SpamClassifier = GPT2(GPT2Config(**{name: description[name] for name in GPT2Config.__annotations__}))
    if labels:
        model = SpamClassifier(model, len(labels))
    tensors = load_file(directory / "model.safetensors")
    if not labels:
        tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    model.load_state_dict({name: _turned(name, tensor) for name, tensor in tensors.items()})
    return model.eval(), Tokenizer.load(directory), labels


def _exported(model: GPT2 | SpamClassifier) -> Iterator[tuple[str, Tensor]]:
    prefix = "transformer." if isinstance(model, GPT2) else ""
    for name, tensor in model.state_dict().items():
        yield prefix + name, _turned(name, tensor)


def _turned(name: str, tensor: Tensor) -> Tensor:
    """Transpose the weights that Hugging Face keeps as `Conv1D`."""
    return tensor.t().contiguous() if name.endswith(CONV1D) else tensor
