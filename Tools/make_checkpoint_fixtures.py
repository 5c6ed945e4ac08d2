#!/usr/bin/env python3
"""Writes Tests/GPT2Tests/Fixtures/Checkpoint: one small GPT-2 in the forms that users have.

Needs torch, safetensors, numpy and transformers (pip install). All files hold the same model, whose numbers
are exact in bfloat16, so that `reference.f32` (f32, little-endian, tensors in the order of `reference.json`,
linear weights [out, in]) is compared exactly with every one of them, whatever their element type.
"""
import json
import os
import pathlib
import pickle
import shutil
import warnings
import zipfile

import numpy
import torch
from safetensors.torch import save_file, save_model

OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests/GPT2Tests/Fixtures/Checkpoint"
WIDTH, LAYERS, HEADS, VOCABULARY, CONTEXT = 6, 2, 3, 11, 5
warnings.filterwarnings("ignore")
torch.manual_seed(5)


def numbers(*shape):
    return torch.randn(*shape).mul(0.3).to(torch.bfloat16).float()


# MARK: the model, by the names of the Swift code

MODEL = {"tokenEmbedding": numbers(VOCABULARY, WIDTH), "positionEmbedding": numbers(CONTEXT, WIDTH)}
for layer in range(LAYERS):
    MODEL |= {
        f"{layer}.norm1Weight": numbers(WIDTH), f"{layer}.norm1Bias": numbers(WIDTH),
        f"{layer}.norm2Weight": numbers(WIDTH), f"{layer}.norm2Bias": numbers(WIDTH),
        f"{layer}.attentionInputWeight": numbers(3 * WIDTH, WIDTH),
        f"{layer}.attentionInputBias": numbers(3 * WIDTH),
        f"{layer}.attentionOutputWeight": numbers(WIDTH, WIDTH),
        f"{layer}.attentionOutputBias": numbers(WIDTH),
        f"{layer}.mlpInputWeight": numbers(4 * WIDTH, WIDTH), f"{layer}.mlpInputBias": numbers(4 * WIDTH),
        f"{layer}.mlpOutputWeight": numbers(WIDTH, 4 * WIDTH), f"{layer}.mlpOutputBias": numbers(WIDTH),
    }
MODEL |= {
    "finalNormWeight": numbers(WIDTH), "finalNormBias": numbers(WIDTH),
    "headWeight": numbers(VOCABULARY, WIDTH), "spamWeight": numbers(2, WIDTH), "spamBias": numbers(2),
}

HF_BLOCK = {
    "ln_1.weight": "norm1Weight", "ln_1.bias": "norm1Bias",
    "ln_2.weight": "norm2Weight", "ln_2.bias": "norm2Bias",
    "attn.c_attn.weight": "attentionInputWeight", "attn.c_attn.bias": "attentionInputBias",
    "attn.c_proj.weight": "attentionOutputWeight", "attn.c_proj.bias": "attentionOutputBias",
    "mlp.c_fc.weight": "mlpInputWeight", "mlp.c_fc.bias": "mlpInputBias",
    "mlp.c_proj.weight": "mlpOutputWeight", "mlp.c_proj.bias": "mlpOutputBias",
}


def hugging_face(prefix="transformer.", conv1d=True, bias=True):
    """Names of transformers; with conv1d=False those of nanoGPT and minGPT."""
    names = {
        f"{prefix}wte.weight": MODEL["tokenEmbedding"], f"{prefix}wpe.weight": MODEL["positionEmbedding"]}
    for layer in range(LAYERS):
        for name, ours in HF_BLOCK.items():
            if not bias and name.endswith("bias"):
                continue
            value = MODEL[f"{layer}.{ours}"]
            if conv1d and value.dim() == 2:
                value = value.T.contiguous()
            names[f"{prefix}h.{layer}.{name}"] = value
    names[f"{prefix}ln_f.weight"] = MODEL["finalNormWeight"]
    if bias:
        names[f"{prefix}ln_f.bias"] = MODEL["finalNormBias"]
    return names


def raschka(head="headWeight", layers_name="layers", qkv_bias=True, column_major=False):
    def matrix(value):
        # What torch.tensor(w.T) leaves of a Conv1D weight: the right numbers, column-major.
        return torch.empty(value.shape[1], value.shape[0]).copy_(value.T).T if column_major else value

    names = {"tok_emb.weight": MODEL["tokenEmbedding"], "pos_emb.weight": MODEL["positionEmbedding"]}
    for layer in range(LAYERS):
        block = f"trf_blocks.{layer}."
        names[block + "att.mask"] = torch.triu(torch.ones(CONTEXT, CONTEXT), diagonal=1)
        weight = MODEL[f"{layer}.attentionInputWeight"].split(WIDTH)
        bias = MODEL[f"{layer}.attentionInputBias"].split(WIDTH)
        for index, name in enumerate(["W_query", "W_key", "W_value"]):
            names[block + f"att.{name}.weight"] = matrix(weight[index])
            if qkv_bias:
                names[block + f"att.{name}.bias"] = bias[index].clone()
        names[block + "att.out_proj.weight"] = matrix(MODEL[f"{layer}.attentionOutputWeight"])
        names[block + "att.out_proj.bias"] = MODEL[f"{layer}.attentionOutputBias"]
        names[block + f"ff.{layers_name}.0.weight"] = matrix(MODEL[f"{layer}.mlpInputWeight"])
        names[block + f"ff.{layers_name}.0.bias"] = MODEL[f"{layer}.mlpInputBias"]
        names[block + f"ff.{layers_name}.2.weight"] = matrix(MODEL[f"{layer}.mlpOutputWeight"])
        names[block + f"ff.{layers_name}.2.bias"] = MODEL[f"{layer}.mlpOutputBias"]
        for norm in ["norm1", "norm2"]:
            names[block + f"{norm}.scale"] = MODEL[f"{layer}.{norm}Weight"]
            names[block + f"{norm}.shift"] = MODEL[f"{layer}.{norm}Bias"]
    names["final_norm.scale"] = MODEL["finalNormWeight"]
    names["final_norm.shift"] = MODEL["finalNormBias"]
    if head == "spam":
        names["out_head.weight"] = MODEL["spamWeight"]
        names["out_head.bias"] = MODEL["spamBias"]
    else:
        names["out_head.weight"] = MODEL[head].clone()
    return names


# MARK: modules with the names and attributes of the book's, for whole-object files


class LayerNorm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.eps = 1e-5
        self.scale = torch.nn.Parameter(torch.ones(WIDTH))
        self.shift = torch.nn.Parameter(torch.zeros(WIDTH))


class GELU(torch.nn.Module):
    pass


class FeedForward(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(WIDTH, 4 * WIDTH), GELU(), torch.nn.Linear(4 * WIDTH, WIDTH))


class MultiHeadAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.d_out, self.num_heads, self.head_dim = WIDTH, HEADS, WIDTH // HEADS
        for name in ["W_query", "W_key", "W_value", "out_proj"]:
            setattr(self, name, torch.nn.Linear(WIDTH, WIDTH))
        self.dropout = torch.nn.Dropout(0.1)
        self.register_buffer("mask", torch.triu(torch.ones(CONTEXT, CONTEXT), diagonal=1))


class TransformerBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.att, self.ff = MultiHeadAttention(), FeedForward()
        self.norm1, self.norm2 = LayerNorm(), LayerNorm()


class GPTModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tok_emb = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.pos_emb = torch.nn.Embedding(CONTEXT, WIDTH)
        self.trf_blocks = torch.nn.Sequential(*[TransformerBlock() for _ in range(LAYERS)])
        self.final_norm = LayerNorm()
        self.out_head = torch.nn.Linear(WIDTH, VOCABULARY, bias=False)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/the-pickle-was-executed",)


# MARK: files

FILES = {}


def wrote(name, **expected):
    """`head`: tied, untied, or spam; `without`: names of tensors that are absent, so all zeros."""
    FILES[name] = {
        "heads": HEADS, "head": "tied", "format": "", "overrideHeads": False, "without": []} | expected


def write_hugging_face():
    masks = {}
    for layer in range(LAYERS):
        masks[f"transformer.h.{layer}.attn.bias"] = torch.tril(
            torch.ones(CONTEXT, CONTEXT, dtype=torch.uint8)).view(1, 1, CONTEXT, CONTEXT)
        masks[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    names = hugging_face()
    tied = {"lm_head.weight": names["transformer.wte.weight"]}
    torch.save(names | masks | tied, OUT / "hf-state-dict.pth")
    wrote("hf-state-dict.pth", overrideHeads=True,
          format="Hugging Face GPT2LMHeadModel, state dict, torch-zip")

    inside = {"module." + name: value for name, value in (names | tied).items()}
    extra = {"epoch": 3, "loss": numpy.float64(0.25), "hyper_parameters": {"n_head": HEADS, "rate": 1e-3}}
    torch.save({"state_dict": inside} | extra, OUT / "hf-container.pth", pickle_protocol=4)
    wrote("hf-container.pth",
          format='Hugging Face GPT2LMHeadModel, state dict in "state_dict", torch-zip')

    half = {name: value.half() for name, value in hugging_face(prefix="").items()}
    save_file(half, OUT / "hf-base.safetensors")
    wrote("hf-base.safetensors", overrideHeads=True, format="Hugging Face GPT2Model, state dict, safetensors")

    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS,
                        n_head=HEADS, bos_token_id=7, eos_token_id=7)
    model = GPT2LMHeadModel(config)
    missing = model.load_state_dict(names, strict=False)
    assert set(missing.missing_keys) <= {"lm_head.weight"} and not missing.unexpected_keys
    torch.save(model, OUT / "hf-object.pth")
    wrote("hf-object.pth", format="Hugging Face GPT2LMHeadModel, whole model object "
          "transformers.models.gpt2.modeling_gpt2.GPT2LMHeadModel, torch-zip")

    save_model(model, str(OUT / "hf-shared-name.safetensors"))
    wrote("hf-shared-name.safetensors", overrideHeads=True,
          format="Hugging Face GPT2LMHeadModel, state dict, safetensors")

    folder = OUT / "hf-classifier"
    folder.mkdir()
    names = {name: value.to(torch.bfloat16) for name, value in hugging_face().items()}
    names["score.weight"] = MODEL["spamWeight"].to(torch.bfloat16)
    save_file(names, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "n_positions": CONTEXT,
        "vocab_size": VOCABULARY, "n_inner": None, "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5, "eos_token_id": 7, "pad_token_id": 9,
        "id2label": {"0": "ham", "1": "spam"}}))
    (folder / "vocab.json").write_text('{"a": 0, "b": 1, "ab": 2}')
    (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    wrote("hf-classifier", head="score", labels=["ham", "spam"],
          format="Hugging Face GPT2ForSequenceClassification, state dict, safetensors")

    folder = OUT / "hf-parts"
    folder.mkdir()
    names = list(half.items())
    parts = {"model-00001-of-00002.safetensors": dict(names[:9]),
             "model-00002-of-00002.safetensors": dict(names[9:])}
    for file, tensors in parts.items():
        save_file(tensors, folder / file)
    weight_map = {name: file for file, tensors in parts.items() for name in tensors}
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps({"n_head": HEADS}))
    wrote("hf-parts", format="Hugging Face GPT2Model, state dict, safetensors")


def write_raschka():
    torch.save(raschka(column_major=True), OUT / "raschka-column-major.pth")
    wrote("raschka-column-major.pth", overrideHeads=True, head="untied",
          format="Raschka GPTModel, state dict, torch-zip")

    names = raschka(head="tokenEmbedding")
    parameter = torch.nn.Parameter(names["final_norm.scale"].clone())
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    torch.save({"model_state_dict": names, "optimizer_state_dict": optimizer.state_dict()},
               OUT / "raschka-training.pth")
    wrote("raschka-training.pth", overrideHeads=True,
          format='Raschka GPTModel, state dict in "model_state_dict", torch-zip')

    model = GPTModel()
    model.load_state_dict(raschka())
    torch.save(model, OUT / "raschka-object.pth")
    wrote("raschka-object.pth", head="untied",
          format="Raschka GPTModel, whole model object __main__.GPTModel, torch-zip")

    torch.save(raschka(head="spam", layers_name="layer"), OUT / "raschka-spam.pth")
    wrote("raschka-spam.pth", head="spam", overrideHeads=True, labels=["not spam", "spam"],
          format="Raschka GPTModel classifier of 2 labels, state dict, torch-zip")

    torch.save(raschka(head="tokenEmbedding", qkv_bias=False), OUT / "raschka-legacy.pth",
               _use_new_zipfile_serialization=False)
    wrote("raschka-legacy.pth", overrideHeads=True, without=["attentionInputBias"],
          format="Raschka GPTModel, state dict, torch-legacy")

    fast = {}
    renamed = {
        "h.0": "trf_blocks.0", "h.1": "trf_blocks.1", "attn.c_attn": "att.qkv", "attn.c_proj": "att.proj",
        "mlp.c_fc": "ff.layers.0", "mlp.c_proj": "ff.layers.2", "ln_1": "norm1", "ln_2": "norm2",
        "ln_f": "final_norm", "wte": "tok_emb", "wpe": "pos_emb"}
    for name, value in hugging_face(prefix="", conv1d=False).items():
        for old, new in renamed.items():
            name = name.replace(old, new, 1)
        fast[name] = value.half()
    fast["out_head.weight"] = MODEL["headWeight"].half()
    save_file(fast, OUT / "raschka-fast.safetensors")
    wrote("raschka-fast.safetensors", head="untied", overrideHeads=True,
          format="Raschka GPTModelFast, state dict, safetensors")


def write_nano():
    names = hugging_face(conv1d=False, bias=False)
    names["lm_head.weight"] = names["transformer.wte.weight"]
    inside = {"_orig_mod." + name: value for name, value in names.items()}
    arguments = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "block_size": CONTEXT, "bias": False,
                 "vocab_size": VOCABULARY, "dropout": 0.0}
    torch.save({"model": inside, "model_args": arguments, "iter_num": 7, "config": {"device": "cpu"}},
               OUT / "nanogpt.pt")
    wrote("nanogpt.pt", format='nanoGPT, state dict in "model", torch-zip', activation="gelu_erf",
          without=["norm1Bias", "norm2Bias", "attentionInputBias", "attentionOutputBias", "mlpInputBias",
                   "mlpOutputBias", "finalNormBias"])
    names = hugging_face(conv1d=False)
    names["lm_head.weight"] = MODEL["headWeight"]
    torch.save(names, OUT / "mingpt.pt")
    wrote("mingpt.pt", head="untied", overrideHeads=True,
          format="minGPT or nanoGPT, state dict, torch-zip")


def write_refused():
    small = {"wte.weight": MODEL["tokenEmbedding"], "h.0.attn.c_attn.weight": numbers(WIDTH, 3 * WIDTH)}
    torch.save(small | {"note": Evil()}, OUT / "refused-os-system.pth")
    (OUT / "refused-os-system.pkl").write_bytes(pickle.dumps(Evil(), protocol=2))
    (OUT / "refused-plain.pkl").write_bytes(pickle.dumps({"weights": [1.0, 2.0]}, protocol=4))
    save_file({"base_model.model.transformer.h.0.attn.c_attn.lora_A.weight": numbers(2, WIDTH),
               "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight": numbers(3 * WIDTH, 2)},
              OUT / "refused-lora.safetensors")
    save_file({"model/wte": MODEL["tokenEmbedding"], "model/h0/ln_1/g": numbers(WIDTH)},
              OUT / "refused-tensorflow.safetensors")
    quantized = torch.quantize_per_tensor(numbers(4), 0.1, 0, torch.qint8)
    torch.save({"linear.scale": torch.tensor(0.1), "linear._packed_params._packed_params": (quantized, None)},
               OUT / "refused-quantized.pth")
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), str(OUT / "refused-script.pth"))
    with zipfile.ZipFile(OUT / "dtypes.pth") as source:
        with zipfile.ZipFile(OUT / "refused-deflated.pth", "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(name, source.read(name))


def write_types():
    """Element types, strides and shapes that no model of ours needs, against torch's own bytes."""
    tensors = {
        "double": torch.tensor([0.1, -2.5]).double(), "uint16": torch.tensor([1, 65535], dtype=torch.uint16),
        "uint64": torch.tensor([1, 2**63], dtype=torch.uint64), "complex": torch.tensor([1 + 2j, 3 - 4j]),
        "complex-transposed": torch.arange(6).reshape(2, 3).to(torch.complex128).T,
        "float8": torch.tensor([0.5, -448.0]).to(torch.float8_e4m3fn), "scalar": torch.tensor(7),
        "expanded": torch.tensor([1.5, 2.5]).expand(3, 2), "empty": torch.empty(0, 3),
        "stepped": torch.arange(20, dtype=torch.int16).reshape(4, 5)[::2, 1::2],
        "permuted": torch.arange(24, dtype=torch.int32).reshape(2, 3, 4).permute(2, 0, 1),
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        "nested": [{"inner": torch.tensor([True, False])}],
    }
    torch.save(tensors, OUT / "dtypes.pth")
    expected = {}
    flat = {name: value for name, value in tensors.items() if name != "nested"}
    flat["nested.0.inner"] = tensors["nested"][0]["inner"]
    for name, value in flat.items():
        raw = value.detach().contiguous().reshape(-1).view(torch.uint8) if value.numel() else torch.empty(0)
        expected[name] = {
            "dtype": str(value.dtype), "shape": list(value.shape), "bytes": [int(x) for x in raw]}
    (OUT / "dtypes.json").write_text(json.dumps(expected, indent=0))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    write_hugging_face()
    write_raschka()
    write_nano()
    write_types()
    write_refused()
    order = [{"name": name, "shape": list(value.shape)} for name, value in MODEL.items()]
    numbers_of_all = [value.numpy().astype("<f4").tobytes() for value in MODEL.values()]
    (OUT / "reference.f32").write_bytes(b"".join(numbers_of_all))
    (OUT / "reference.json").write_text(json.dumps({
        "config": {"width": WIDTH, "layers": LAYERS, "vocabulary": VOCABULARY, "context": CONTEXT},
        "tensors": order, "files": FILES}, indent=1))
    print(sum(file.stat().st_size for file in OUT.rglob("*") if file.is_file()), "bytes")


main()
