"""GPT-2's byte-level byte-pair encoding: training, encoding, decoding and the `vocab.json` / `merges.txt` files."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import regex

END_OF_TEXT = "<|endoftext|>"
PRE_TOKEN = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

Pair = tuple[str, str]


def _byte_alphabet() -> dict[int, str]:
    """Map each byte to GPT-2's printable stand-in for it, in the order of the ids 0...255.

    Printable Latin-1 bytes stand for themselves and come first; the others take the code points from 256 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


BYTE_TO_CHAR = _byte_alphabet()
CHAR_TO_BYTE = {char: byte for byte, char in BYTE_TO_CHAR.items()}


def pre_tokens(text: str) -> Iterable[str]:
    """Split a text as GPT-2 does; each piece is written in the byte alphabet."""
    for piece in PRE_TOKEN.findall(text):
        yield "".join(BYTE_TO_CHAR[byte] for byte in piece.encode())


def learn_merges(texts: Iterable[str], count: int) -> list[Pair]:
    """Learn `count` merges: the most frequent adjacent pair first, ties broken by the pair itself."""
    frequencies = Counter(piece for text in texts for piece in pre_tokens(text))
    words = [list(piece) for piece in frequencies]
    weights = list(frequencies.values())

    pair_counts: Counter[Pair] = Counter()
    words_with: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pair_counts[pair] += weights[index]
            words_with[pair].add(index)

    merges: list[Pair] = []
    while len(merges) < count and pair_counts:
        best = max(pair_counts, key=lambda pair: (pair_counts[pair], pair))
        if pair_counts[best] < 2:
            break
        merges.append(best)
        for index in words_with.pop(best):
            word = words[index]
            for pair in zip(word, word[1:]):
                pair_counts[pair] -= weights[index]
            words[index] = word = _merge(word, best)
            for pair in zip(word, word[1:]):
                pair_counts[pair] += weights[index]
                words_with[pair].add(index)
        pair_counts = +pair_counts if len(merges) % 100 == 0 else pair_counts
        pair_counts.pop(best, None)
    return merges


def _merge(word: list[str], pair: Pair) -> list[str]:
    """Join every occurrence of `pair` in `word`, from the left."""
    merged: list[str] = []
    position = 0
    while position < len(word):
        if tuple(word[position : position + 2]) == pair:
            merged.append(word[position] + word[position + 1])
            position += 2
        else:
            merged.append(word[position])
            position += 1
    return merged


class Tokenizer:
    """Encoder and decoder. Ids: the 256 bytes, the merges in order, `<|endoftext|>` last."""

    def __init__(self, merges: list[Pair]) -> None:
        self.merges = merges
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.pieces = [*BYTE_TO_CHAR.values(), *(left + right for left, right in merges), END_OF_TEXT]
        self.ids = {piece: index for index, piece in enumerate(self.pieces)}
        self.end_of_text = len(self.pieces) - 1
        self._encode_piece = lru_cache(maxsize=1 << 18)(self._encode_piece_uncached)

    @classmethod
    def load(cls, directory: Path) -> Tokenizer:
        """Read `merges.txt` and check it against `vocab.json`."""
        lines = (directory / "merges.txt").read_text(encoding="utf-8").split("\n")
        merges = [tuple(line.split(" ")) for line in lines[1:] if line]
        tokenizer = cls(merges)
        if json.loads((directory / "vocab.json").read_text(encoding="utf-8")) != tokenizer.ids:
            raise ValueError(f"vocab.json and merges.txt in {directory} disagree")
        return tokenizer

    def save(self, directory: Path) -> None:
        """Write `vocab.json` and `merges.txt`."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "vocab.json").write_text(json.dumps(self.ids, ensure_ascii=False), encoding="utf-8")
        lines = ["#version: 0.2", *(" ".join(pair) for pair in self.merges)]
        (directory / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Encode a text; `<|endoftext|>` inside it is ordinary text."""
        return [index for piece in pre_tokens(text) for index in self._encode_piece(piece)]

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids to text; bytes that are no UTF-8 become U+FFFD."""
        chars = "".join(self.pieces[index] for index in ids if index != self.end_of_text)
        return bytes(CHAR_TO_BYTE[char] for char in chars).decode(errors="replace")

    def _encode_piece_uncached(self, piece: str) -> tuple[int, ...]:
        word = list(piece)
        while len(word) > 1:
            best = min(zip(word, word[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            word = _merge(word, best)
        return tuple(self.ids[part] for part in word)
