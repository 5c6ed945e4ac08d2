"""Train or evaluate the language model.

    python Tools/train_lm.py --tokenizer out/bpe --out out/courtly --minutes 87
    python Tools/train_lm.py --evaluate out/courtly

Muon updates the matrices of the blocks, AdamW everything else. The learning rate, the number of layers in use and the
length of the sequences follow the fraction of the run that is over, which is counted in minutes or in steps.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch import Tensor, nn

from corpus import DEFAULT_DATA, Text, load_corpus
from gpt2_model import GPT2, GPT2Config, load_directory, save_directory
from optimizer import Muon
from tokenizer import Tokenizer

WARM_UP = 0.01
"""The fraction of the run over which the learning rate rises."""


class Stage(NamedTuple):
    """The layers in use and the tokens in a sequence until a fraction of the run."""

    until: float
    layers: int
    length: int


STAGES = (Stage(0.30, 2, 128), Stage(0.50, 3, 256), Stage(math.inf, 4, 256))


def encode_training_text(texts: list[Text], tokenizer: Tokenizer) -> Tensor:
    """All training parts as one run of ids, `<|endoftext|>` before each."""
    ids = [index for text in texts for index in (tokenizer.end_of_text, *tokenizer.encode(text.train))]
    return torch.tensor(ids)


def batches(ids: Tensor, rows: int, length: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches [rows, length + 1] without end: epoch by epoch, each cut at another phase and shuffled."""
    span = torch.arange(length + 1)
    while True:
        phase = int(torch.randint(length, (), generator=generator))
        starts = torch.arange(phase, len(ids) - length, length)
        starts = starts[torch.randperm(len(starts), generator=generator)]
        for chunk in starts.split(rows):
            if len(chunk) == rows:
                yield ids[chunk[:, None] + span]


@torch.no_grad()
def negative_log_likelihood(model: GPT2, ids: Tensor, context: int) -> float:
    """Nats of all of `ids` but the first.

    Windows of `context` tokens, half a window apart; each token is counted once, in the first window that holds it,
    so all but those of the first window have at least half a window before them.
    """
    total, counted, stride = 0.0, 0, context // 2
    for start in range(0, len(ids) - 1, stride):
        window = ids[start : start + context + 1]
        logits = model.logits(model(window[None, :-1])[0])
        losses = nn.functional.cross_entropy(logits, window[1:], reduction="none")
        total += float(losses[counted - start :].double().sum())
        counted = start + len(window) - 1
        if counted == len(ids) - 1:
            break
    return total


def evaluate(model: GPT2, tokenizer: Tokenizer, texts: list[Text]) -> dict[str, float]:
    """Bits per byte of each held-out part, and over all their bytes as "all".

    `<|endoftext|>` comes before each part, as context; it is not counted itself.
    """
    model.eval()
    bits: dict[str, float] = {}
    for text in texts:
        ids = torch.tensor([tokenizer.end_of_text, *tokenizer.encode(text.held_out)])
        bits[text.name] = negative_log_likelihood(model, ids, model.config.n_positions) / math.log(2)
    sizes = {text.name: len(text.held_out.encode()) for text in texts}
    return {name: bits[name] / sizes[name] for name in bits} | {"all": sum(bits.values()) / sum(sizes.values())}


def progress(step: int, seconds: float, arguments: argparse.Namespace) -> float:
    """The fraction of the run that is over."""
    return step / arguments.steps if arguments.steps else seconds / (60 * arguments.minutes)


def learning_rate_factor(fraction: float, decay: float) -> float:
    """Linear warm-up, a plateau, and a linear decay to zero over the last `decay` of the run."""
    return max(0.0, min(fraction / WARM_UP, 1.0, (1 - fraction) / decay))


def make_optimizers(model: GPT2, arguments: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for embeddings, biases and layer norms."""
    matrices = [parameter for parameter in model.h.parameters() if parameter.dim() == 2]
    others = [*model.wte.parameters(), *model.wpe.parameters(), *model.ln_f.parameters()]
    others += [parameter for parameter in model.h.parameters() if parameter.dim() == 1]
    return [
        Muon(matrices, lr=arguments.muon_lr, weight_decay=arguments.weight_decay),
        torch.optim.AdamW(others, lr=arguments.adam_lr, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0, fused=True),
    ]


def shared_gradients(model: GPT2) -> Tensor:
    """Make the gradients views of one flat tensor, which a single all-reduce can average."""
    flat = torch.zeros(sum(parameter.numel() for parameter in model.parameters()))
    position = 0
    for parameter in model.parameters():
        parameter.grad = flat[position : position + parameter.numel()].view_as(parameter)
        position += parameter.numel()
    return flat


def train(rank: int, arguments: argparse.Namespace, rendezvous: str) -> None:
    """Train as one of `--processes` processes of one thread each, which share every batch."""
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=arguments.processes)
    texts = load_corpus(arguments.data)
    tokenizer = Tokenizer.load(arguments.tokenizer)
    ids = encode_training_text(texts, tokenizer)
    config = GPT2Config(len(tokenizer), STAGES[-1].length, arguments.width, STAGES[-1].layers, arguments.heads)
    model = GPT2(config, arguments.dropout)
    gradients = shared_gradients(model)
    optimizers = make_optimizers(model, arguments)
    peaks = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    step, tokens_seen, seconds_before = 0, 0, 0.0

    checkpoint = arguments.out.with_name(arguments.out.name + ".checkpoint.pt")
    if arguments.resume:
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        for optimizer, optimizer_state in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(optimizer_state)
        step, tokens_seen, seconds_before = state["step"], state["tokens"], state["seconds"]

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "step": step,
            "tokens": tokens_seen,
            "seconds": seconds,
        }
        temporary = checkpoint.with_suffix(".new")
        torch.save(state, temporary)
        os.replace(temporary, checkpoint)
        save_directory(arguments.out, model, tokenizer, labels=[])

    def log(message: str) -> None:
        if rank == 0:
            print(message, flush=True)

    log(f"{len(gradients):,} parameters, {len(ids):,} training tokens, {arguments.batch} tokens in a batch")
    generator = torch.Generator().manual_seed(arguments.seed + step)
    stage: Stage | None = None
    recent: list[float] = []
    started = time.monotonic()
    seconds = saved = seconds_before
    while (fraction := progress(step, seconds, arguments)) < 1:
        wanted = next(stage for stage in STAGES if fraction < stage.until)
        if wanted != stage:
            stage = wanted
            model.active_layers = stage.layers
            source = batches(ids, arguments.batch // stage.length, stage.length, generator)
        factor = learning_rate_factor(fraction, arguments.decay)
        for optimizer, peak in zip(optimizers, peaks):
            optimizer.param_groups[0]["lr"] = peak * factor
        loss = model.loss(next(source)[rank :: arguments.processes])
        loss.backward()
        dist.all_reduce(gradients)
        gradients /= arguments.processes
        for optimizer in optimizers:
            optimizer.step()
        gradients.zero_()

        step += 1
        tokens_seen += arguments.batch
        recent.append(float(loss.detach()))
        if len(recent) == arguments.log_every:
            log(
                f"step {step}, {fraction:.1%}, {seconds / 60:.1f} min, {tokens_seen:,} tokens, "
                f"{stage.layers} layers, length {stage.length}, rate x {factor:.2f}, "
                f"loss {sum(recent) / len(recent):.4f}"
            )
            recent = []
        seconds = agreed(seconds_before + time.monotonic() - started)
        if seconds - saved > 60 * arguments.save_minutes:
            saved = seconds
            if rank == 0:
                save()
    if rank == 0:
        save()
        log(f"{step} steps, {tokens_seen:,} tokens, {seconds / 60:.1f} minutes")
        report(evaluate(model, tokenizer, texts))
    dist.destroy_process_group()


def agreed(value: float) -> float:
    """The first process's value."""
    tensor = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(tensor, src=0)
    return float(tensor)


def report(bits_per_byte: dict[str, float]) -> None:
    """Print one line for each held-out part."""
    for name, value in bits_per_byte.items():
        print(f"{name:40} {value:.4f} bits per byte", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="directory that holds corpus/*.txt")
    parser.add_argument("--evaluate", type=Path, metavar="MODEL", help="only measure this model's bits per byte")
    parser.add_argument("--tokenizer", type=Path, help="directory of vocab.json and merges.txt")
    parser.add_argument("--out", type=Path, help="directory for the model; a checkpoint is kept beside it")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--minutes", type=float, help="length of the run by the wall clock")
    parser.add_argument("--steps", type=int, help="length of the run in steps")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--batch", type=int, default=4096, help="tokens in a batch")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=0.1, help="of the matrices of the blocks")
    parser.add_argument("--decay", type=float, default=0.6, help="the part of the run in which the rate falls to zero")
    parser.add_argument("--processes", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-every", type=int, default=50, metavar="STEPS")
    parser.add_argument("--save-minutes", type=float, default=5)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    if arguments.evaluate:
        model, tokenizer, _ = load_directory(arguments.evaluate)
        report(evaluate(model, tokenizer, load_corpus(arguments.data)))
    elif arguments.tokenizer and arguments.out and (arguments.minutes or arguments.steps):
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as directory:
            torch.multiprocessing.spawn(train, (arguments, f"{directory}/rendezvous"), nprocs=arguments.processes)
    else:
        parser.error("training needs --tokenizer, --out, and --minutes or --steps")


if __name__ == "__main__":
    main()
