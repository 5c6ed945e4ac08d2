#!/usr/bin/env python3
"""Records what Hugging Face's logits processors make of logits.

Writes Tests/GPT2Tests/Fixtures/Sampling/processors.json. The processors and their order are those that `generate`
itself would use for the settings. Logits are float32, base64; of the processed ones only those that are left are
stored. Cases in which a last bit could decide what is left are drawn again.

    pip install torch transformers
    python3 Tools/make_sampling_vectors.py
"""
import base64
import json
import pathlib

import numpy as np
import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

# Logits whose processed ones are compared: vocabulary, and the standard deviation. Trained models' are about 2.5.
SHAPES = [(8, 1.0), (60, 2.5), (60, 6.0), (150, 2.5)]
# Names of the API; everything else is off.
SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 1.7},
    {"top_k": 1},
    {"top_k": 5},
    {"top_k": 5, "temperature": 2.0},
    {"top_p": 0.05},
    {"top_p": 0.5},
    {"top_p": 0.95},
    {"min_p": 0.02},
    {"min_p": 0.3},
    {"min_p": 0.1, "temperature": 1.5},
    {"min_p": 1.0},
    {"typical_p": 0.1},
    {"typical_p": 0.5},
    {"typical_p": 0.95},
    {"typical_p": 0.6, "temperature": 0.7},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"logit_bias": 3},
    {"min_tokens": 3},
    {"min_tokens": 1},
    {"repetition_penalty": 1.5, "logit_bias": 4},
    {"top_k": 7, "top_p": 0.7},
    {"top_k": 6, "min_p": 0.1, "typical_p": 0.6},
    {"top_p": 0.9, "min_p": 0.05, "temperature": 1.3},
    {"top_p": 0.8, "typical_p": 0.7},
    {"top_k": 40, "top_p": 0.95, "min_p": 0.01, "typical_p": 0.9, "temperature": 0.8, "repetition_penalty": 1.2,
     "logit_bias": 5, "min_tokens": 4},
]
TOKENS = 6  # of the sequence, the last two of them new
NEW_TOKENS = 2


class Unclear(Exception):
    """Something is too near to an edge."""


def processors(model, setting, biases, end_of_text):
    """What `generate` applies for the settings."""
    config = GenerationConfig(
        do_sample=True, temperature=setting.get("temperature", 1.0), top_k=setting.get("top_k", 0),
        top_p=setting.get("top_p", 1.0), min_p=setting.get("min_p"), typical_p=setting.get("typical_p", 1.0),
        repetition_penalty=setting.get("repetition_penalty", 1.0),
        sequence_bias={(token,): bias for token, bias in biases.items()} or None,
        min_new_tokens=setting.get("min_tokens"), eos_token_id=end_of_text, pad_token_id=end_of_text)
    model._prepare_special_tokens(config, device="cpu")
    return model._get_logits_processor(config, input_ids_seq_length=TOKENS - NEW_TOKENS, device="cpu")


def apply(chain, ids, logits):
    scores = logits.clone()
    for processor in chain:
        scores = processor(ids, scores)
    return scores[0]


def record(model, setting, vocabulary, spread, generator):
    logits = torch.from_numpy((spread * generator.standard_normal((1, vocabulary))).astype(np.float32))
    end_of_text = int(generator.integers(vocabulary))
    tokens = [int(token) for token in generator.integers(vocabulary, size=TOKENS)]
    chosen = generator.choice(vocabulary, size=setting.get("logit_bias", 0), replace=False)
    biases = {int(token): round(float(generator.uniform(-8, 8)), 2) for token in chosen}
    ids = torch.tensor([tokens])
    chain = processors(model, setting, biases, end_of_text)
    result = apply(chain, ids, logits)
    kept = torch.isfinite(result).nonzero().flatten().tolist()
    # The same in double precision, and with limits that differ a little.
    for shift in (1 - 1e-5, 1, 1 + 1e-5):
        shifted = {
            name: min(1.0, value * shift) if name in ("top_p", "min_p", "typical_p") else value
            for name, value in setting.items()}
        other = apply(processors(model, shifted, biases, end_of_text), ids, logits.double())
        if torch.isfinite(other).nonzero().flatten().tolist() != kept:
            raise Unclear
    return {
        "setting": {name: value for name, value in setting.items() if name != "logit_bias"},
        "bias": [[token, bias] for token, bias in biases.items()],
        "endOfText": end_of_text,
        "prompt": tokens[:-NEW_TOKENS],
        "new": tokens[-NEW_TOKENS:],
        "processors": [type(processor).__name__ for processor in chain],
        "logits": floats(logits[0]),
        "kept": kept,
        "processed": floats(result[kept]),
    }


def floats(values):
    return base64.b64encode(values.numpy().astype("<f4").tobytes()).decode()


def main():
    generator = np.random.default_rng(1)
    records = []
    for vocabulary, spread in SHAPES:
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=vocabulary, n_positions=16, n_embd=8, n_layer=1, n_head=1, bos_token_id=0, eos_token_id=0))
        for setting in SETTINGS:
            for _ in range(1000):
                try:
                    records.append(record(model, setting, vocabulary, spread, generator))
                    break
                except Unclear:
                    continue
            else:
                raise SystemExit(f"no clear case of {setting}")
    path = pathlib.Path(__file__).parent.parent / "Tests/GPT2Tests/Fixtures/Sampling/processors.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(record, separators=(",", ":")) for record in records) + "\n]\n")
    print(len(records), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
