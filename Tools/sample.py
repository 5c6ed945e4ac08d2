"""Continue a prompt with the language model.

    python Tools/sample.py out/courtly "The king" --tokens 60
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from gpt2_model import load_directory


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="directory of the model")
    parser.add_argument("prompt")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    model, tokenizer, _ = load_directory(arguments.model)
    generator = torch.Generator().manual_seed(arguments.seed)
    ids = tokenizer.encode(arguments.prompt)
    for _ in range(arguments.tokens):
        context = torch.tensor([ids[-model.config.n_positions :]])
        logits = model.logits(model(context)[0, -1]) / arguments.temperature
        values, candidates = logits.topk(arguments.top_k)
        choice = torch.multinomial(values.softmax(dim=0), 1, generator=generator)
        chosen = int(candidates[choice])
        if chosen == tokenizer.end_of_text:
            break
        ids.append(chosen)
    print(tokenizer.decode(ids))


if __name__ == "__main__":
    main()
