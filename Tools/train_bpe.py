"""Train the byte-level BPE vocabulary on the training part of the corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from corpus import DEFAULT_DATA, load_corpus
from tokenizer import Tokenizer, learn_merges


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="directory that holds corpus/*.txt")
    parser.add_argument("--out", type=Path, required=True, help="directory for vocab.json and merges.txt")
    parser.add_argument("--vocabulary", type=int, default=4096, help="number of ids: 256 bytes, merges, <|endoftext|>")
    arguments = parser.parse_args()

    texts = load_corpus(arguments.data)
    tokenizer = Tokenizer(learn_merges((text.train for text in texts), arguments.vocabulary - 257))
    tokenizer.save(arguments.out)

    held_out = "".join(text.held_out for text in texts)
    ratio = len(held_out.encode()) / len(tokenizer.encode(held_out))
    print(f"{len(tokenizer)} ids in {arguments.out}; {ratio:.3f} bytes per token on the held-out text")


if __name__ == "__main__":
    main()
