#!/usr/bin/env python3
"""Records the logits that PyTorch computes for small synthetic GPT-2 models.

Writes Tests/GPT2Tests/Fixtures/Model/logits.json. Only shapes, tokens and logits are stored: the weights
follow from a seed by integer arithmetic and one division, the same here and in the tests'
SyntheticModel.swift. They are heavy-tailed, as those of trained models are.

    pip install torch numpy
    python3 Tools/make_model_fixtures.py
"""
import base64
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

MODELS = [
    # name, V, P, E, L, H, I, GELU, head, labels of a classifier
    ("tied-tanh-20", 50, 24, 20, 2, 2, 80, "gelu_tanh", "tied"),
    ("untied-erf-36", 97, 32, 36, 2, 3, 144, "gelu_erf", "untied"),
    ("tied-tanh-48", 130, 40, 48, 3, 3, 192, "gelu_tanh", "tied"),
    ("untied-tanh-100-narrow-inner", 70, 20, 100, 2, 4, 72, "gelu_tanh", "untied"),
    ("tied-erf-128-two-heads-of-64", 65, 70, 128, 1, 2, 512, "gelu_erf", "tied"),
    ("tied-tanh-24-one-head", 33, 17, 24, 2, 1, 96, "gelu_tanh", "tied"),
    ("classifier-with-bias-36", 60, 30, 36, 2, 6, 144, "gelu_tanh", "classifier-bias", 2),
    ("classifier-without-bias-64", 60, 30, 64, 2, 4, 256, "gelu_tanh", "classifier", 3),
]
BLOCK = [
    ("norm1Weight", "e"), ("norm1Bias", "e"), ("norm2Weight", "e"), ("norm2Bias", "e"),
    ("attentionInputWeight", "3e,e"), ("attentionInputBias", "3e"),
    ("attentionOutputWeight", "e,e"), ("attentionOutputBias", "e"),
    ("mlpInputWeight", "i,e"), ("mlpInputBias", "i"), ("mlpOutputWeight", "e,i"), ("mlpOutputBias", "e"),
]


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def heavy_tailed(seed, label, count):
    """v / (1 - 0.99|v|) for uniform v in (-1, 1), up to a hundred times the median."""
    steps = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(label) ^ seed) + steps * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    v = (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return v / (1 - 0.99 * np.abs(v))


def tensor(seed, label, shape):
    values = heavy_tailed(seed, label, int(np.prod(shape)))
    if label.endswith(("norm1Weight", "norm2Weight", "finalNormWeight")):
        values = 1 + values / 32
    elif label == "headWeight" or "Embedding" in label:
        values = values / 64
    elif len(shape) == 2:
        values = values / (16 * 2 ** np.floor(np.log2(np.sqrt(shape[1]))))
    else:
        values = values / 16
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def logits(m, seed, ids):
    e, h = m["e"], m["h"]
    sizes = {"e": e, "3e": 3 * e, "i": m["i"]}
    t = len(ids)
    wte = tensor(seed, "tokenEmbedding", (m["v"], e))
    x = wte[torch.tensor(ids)] + tensor(seed, "positionEmbedding", (m["p"], e))[:t]
    for layer in range(m["l"]):
        w = {
            n: tensor(seed, f"block.{layer}.{n}", tuple(sizes[s] for s in shape.split(",")))
            for n, shape in BLOCK
        }
        a = F.layer_norm(x, (e,), w["norm1Weight"], w["norm1Bias"], 1e-5)
        qkv = F.linear(a, w["attentionInputWeight"], w["attentionInputBias"])
        q, k, v = (z.reshape(t, h, e // h).transpose(0, 1) for z in qkv.split(e, dim=-1))
        y = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
        y = y.transpose(0, 1).reshape(t, e)
        x = x + F.linear(y, w["attentionOutputWeight"], w["attentionOutputBias"])
        a = F.layer_norm(x, (e,), w["norm2Weight"], w["norm2Bias"], 1e-5)
        a = F.linear(a, w["mlpInputWeight"], w["mlpInputBias"])
        a = F.gelu(a, approximate="tanh" if m["gelu"] == "gelu_tanh" else "none")
        x = x + F.linear(a, w["mlpOutputWeight"], w["mlpOutputBias"])
    x = F.layer_norm(
        x, (e,), tensor(seed, "finalNormWeight", (e,)), tensor(seed, "finalNormBias", (e,)), 1e-5)
    if m["head"] == "tied":
        return F.linear(x, wte)
    outputs = m.get("labels", m["v"])
    bias = tensor(seed, "headBias", (outputs,)) if m["head"] == "classifier-bias" else None
    return F.linear(x, tensor(seed, "headWeight", (outputs, e)), bias)


def main():
    torch.set_num_threads(1)
    records = []
    names = ("name", "v", "p", "e", "l", "h", "i", "gelu", "head", "labels")
    for index, row in enumerate(MODELS):
        m = dict(zip(names, row))
        seed = 1000 + index
        ids = [int(v) for v in np.random.default_rng(seed).integers(0, m["v"], m["p"])]
        with torch.no_grad():
            out = logits(m, seed, ids).numpy().astype("<f4")
        print(f"{m['name']}: logits {out.shape}, largest {np.abs(out).max():.2f}")
        records.append({**m, "seed": seed, "tokens": ids, "logits": base64.b64encode(out.tobytes()).decode()})
    path = pathlib.Path(__file__).resolve().parent.parent / "Tests/GPT2Tests/Fixtures/Model/logits.json"
    path.write_text(json.dumps(records, indent=1) + "\n")
    print(f"{path}: {path.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
