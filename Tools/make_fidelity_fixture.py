#!/usr/bin/env python3
"""Records what PyTorch's 32-bit arithmetic makes of a text, so that the tests can tell what quantization loses.

The text is the model's own, sampled at temperature 1. Of every position after the first of each sequence the fixture
holds the token, its negative log likelihood and the most likely token.

    pip install torch safetensors
    python3 Tools/make_fidelity_fixture.py out/courtly Tests/GPT2Tests/Fixtures/Model/courtly-f32.json
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gpt2_model import load_directory


@torch.no_grad()
def sample(model: torch.nn.Module, sequences: int, length: int, seed: int) -> Tensor:
    """Sequences of the model's own text, `[sequences, length]`, each begun with a random token."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, model.config.vocab_size, (sequences, 1), generator=generator)
    while ids.shape[1] < length:
        logits = model.logits(model(ids)[:, -1])
        ids = torch.cat([ids, torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)], dim=1)
    return ids


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="directory of the model")
    parser.add_argument("output", type=Path)
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    model, _, _ = load_directory(arguments.model)
    model.eval()
    ids = sample(model, arguments.sequences, arguments.length, arguments.seed)
    logits = model.logits(model(ids))[:, :-1]
    losses = -logits.log_softmax(dim=-1).gather(2, ids[:, 1:, None])[..., 0]

    def packed(values: Tensor, kind: type) -> str:
        return base64.b64encode(values.contiguous().numpy().astype(kind).tobytes()).decode()

    fixture = {
        "sequences": arguments.sequences,
        "length": arguments.length,
        "tokens": packed(ids, np.uint16),
        "losses": packed(losses, np.float32),
        "greedy": packed(logits.argmax(dim=-1), np.uint16),
    }
    arguments.output.write_text(json.dumps(fixture, indent=1) + "\n")
    print(f"perplexity {losses.mean().exp():.4f} on {losses.numel()} tokens")


if __name__ == "__main__":
    main()
