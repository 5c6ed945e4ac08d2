"""Train or evaluate the spam classifier, fine-tuned from the language model.

    python Tools/train_spam.py --lm out/courtly --out out/spam
    python Tools/train_spam.py --evaluate out/spam

The first layers of the language model first learn to predict the text messages of the training part, then to classify
them. The epoch with the lowest validation loss is kept.
"""

from __future__ import annotations

import argparse
import copy
import html
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from corpus import DEFAULT_DATA
from gpt2_model import GPT2, GPT2Config, SpamClassifier, load_directory, save_directory
from tokenizer import Tokenizer

LABELS = ["not spam", "spam"]
SPLIT_SEED = 1


@dataclass(frozen=True)
class Message:
    """A text message and its label, an index of `LABELS`."""

    text: str
    label: int


@dataclass(frozen=True)
class Scores:
    """Quality of the predictions for the class "spam"."""

    precision: float
    recall: float
    f1: float
    accuracy: float
    loss: float

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.4f}, recall {self.recall:.4f}, F1 {self.f1:.4f}, "
            f"accuracy {self.accuracy:.4f}, loss {self.loss:.4f}"
        )


def load_messages(path: Path) -> list[Message]:
    """Read `label<TAB>text` lines, which know no quoting, and drop repeated lines."""
    lines = dict.fromkeys(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    fields = (line.split("\t", 1) for line in lines)
    return [Message(text, {"ham": 0, "spam": 1}[label]) for label, text in fields]


def split(messages: list[Message]) -> tuple[list[Message], list[Message], list[Message]]:
    """Shuffle by `SPLIT_SEED` and cut into 70 % training, 10 % validation and 20 % test."""
    shuffled = random.Random(SPLIT_SEED).sample(messages, len(messages))
    first, second = round(0.7 * len(shuffled)), round(0.8 * len(shuffled))
    return shuffled[:first], shuffled[first:second], shuffled[second:]


def varied(text: str, rng: random.Random) -> str:
    """The text with other digits and with its HTML entities resolved, each in every other case.

    So neither single telephone numbers nor the entities, which only this collection has, can be learnt by heart.
    """
    if rng.random() < 0.5:
        text = html.unescape(text)
    if rng.random() < 0.5:
        text = "".join(rng.choice("0123456789") if char in "0123456789" else char for char in text)
    return text


def padded_batches(
    sequences: list[tuple[list[int], int]], size: int, rng: random.Random | None = None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Right-padded tokens, lengths and labels, in batches of similar lengths; in random order if `rng` is given."""
    order = sorted(sequences, key=lambda sequence: (len(sequence[0]), rng.random() if rng else 0))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if rng:
        rng.shuffle(batches)
    for batch in batches:
        lengths = torch.tensor([len(ids) for ids, _ in batch])
        tokens = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
        for row, (ids, _) in zip(tokens, batch):
            row[: len(ids)] = torch.tensor(ids)
        yield tokens, lengths, torch.tensor([label for _, label in batch])


def encode(
    messages: list[Message], tokenizer: Tokenizer, limit: int, rng: random.Random | None = None
) -> list[tuple[list[int], int]]:
    """The first `limit` ids of every message with its label; varied if `rng` is given."""
    texts = (varied(message.text, rng) if rng else message.text for message in messages)
    return [(tokenizer.encode(text)[:limit], message.label) for text, message in zip(texts, messages)]


@torch.no_grad()
def evaluate(model: SpamClassifier, tokenizer: Tokenizer, messages: list[Message]) -> Scores:
    """Measure the more probable label of each message against its true one."""
    model.eval()
    confusion = torch.zeros(2, 2)
    loss = 0.0
    sequences = encode(messages, tokenizer, model.transformer.config.n_positions)
    for tokens, lengths, labels in padded_batches(sequences, 32):
        logits = model(tokens, lengths)
        loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
        for truth, prediction in zip(labels, logits.argmax(dim=1)):
            confusion[truth, prediction] += 1
    hits = float(confusion[1, 1])
    precision = hits / max(1.0, float(confusion[:, 1].sum()))
    recall = hits / max(1.0, float(confusion[1].sum()))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return Scores(precision, recall, f1, float(confusion.trace()) / len(messages), loss / len(messages))


def first_layers(model: GPT2, layers: int, positions: int, dropout: float) -> GPT2:
    """A model of the first layers and positions of `model`, with its final layer norm."""
    sizes = model.config
    smaller = GPT2(GPT2Config(sizes.vocab_size, positions, sizes.n_embd, layers, sizes.n_head), dropout)
    state = model.state_dict()
    state["wpe.weight"] = state["wpe.weight"][:positions]
    smaller.load_state_dict({name: state[name] for name in smaller.state_dict()})
    return smaller


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    language_model, tokenizer, _ = load_directory(arguments.lm)
    transformer = first_layers(language_model, arguments.layers, arguments.positions, arguments.dropout)
    model = SpamClassifier(transformer, len(LABELS))
    training, validation, test = split(load_messages(arguments.data / "sms-spam.tsv"))
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    for name, part in (("training", training), ("validation", validation), ("test", test)):
        print(f"{name}: {len(part):,} messages, {sum(message.label for message in part)} spam", flush=True)

    def prediction_loss(tokens: Tensor, lengths: Tensor, labels: Tensor) -> Tensor:
        real = torch.arange(1, tokens.shape[1]) < lengths[:, None]
        logits = transformer.logits(transformer(tokens[:, :-1])[real])
        return nn.functional.cross_entropy(logits, tokens[:, 1:][real])

    def classification_loss(tokens: Tensor, lengths: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(tokens, lengths), labels)

    def run(epochs: int, loss_of: Callable[[Tensor, Tensor, Tensor], Tensor], rate: float) -> Iterator[float]:
        """Train by epochs with a rate that falls linearly from `rate` to zero; yields each epoch's mean loss."""
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        steps, step = epochs * math.ceil(len(training) / arguments.batch), 0
        for _ in range(epochs):
            model.train()
            total = 0.0
            for batch in padded_batches(encode(training, tokenizer, arguments.positions, rng), arguments.batch, rng):
                optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 50) * (1 - step / steps)
                loss = loss_of(*batch)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                total += float(loss.detach()) * arguments.batch
                step += 1
            yield total / len(training)

    for loss in run(arguments.lm_epochs, prediction_loss, arguments.lm_lr):
        print(f"language model: loss {loss:.4f}", flush=True)
    best, best_state = math.inf, copy.deepcopy(model.state_dict())
    for epoch, loss in enumerate(run(arguments.epochs, classification_loss, arguments.lr), start=1):
        scores = evaluate(model, tokenizer, validation)
        print(f"classifier, epoch {epoch}: loss {loss:.4f}; validation: {scores}", flush=True)
        if scores.loss < best:
            best, best_state = scores.loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state)
    save_directory(arguments.out, model, tokenizer, LABELS)
    print(f"validation: {evaluate(model, tokenizer, validation)}")
    print(f"test: {evaluate(model, tokenizer, test)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="directory that holds sms-spam.tsv")
    parser.add_argument("--evaluate", type=Path, metavar="MODEL", help="only measure this model on the test part")
    parser.add_argument("--lm", type=Path, help="directory of the language model to start from")
    parser.add_argument("--out", type=Path, help="directory for the classifier")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--positions", type=int, default=256, help="longer messages are cut")
    parser.add_argument("--batch", type=int, default=32, help="messages in a batch")
    parser.add_argument("--lm-epochs", type=int, default=2)
    parser.add_argument("--lm-lr", type=float, default=1e-3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    if arguments.evaluate:
        model, tokenizer, _ = load_directory(arguments.evaluate)
        _, _, test = split(load_messages(arguments.data / "sms-spam.tsv"))
        print(f"test: {evaluate(model, tokenizer, test)}")
    elif arguments.lm and arguments.out:
        train(arguments)
    else:
        parser.error("training needs --lm and --out")


if __name__ == "__main__":
    main()
