#!/usr/bin/env python3
"""Makes the tables of Sources/CTokenizerData.

    pip install tiktoken==0.14.0
    pip download --no-deps --no-binary :all: openai-whisper==20250625   # and unpack it
    python3 Tools/make_tokenizer_data.py openai_whisper-20250625/whisper/assets/gpt2.tiktoken

gpt2.merges: GPT-2's 50,000 merges, each the ids of its two parts as little-endian u16. Merge i makes id
256 + i.

unicode_classes.c: the scalars that tiktoken 0.14.0 counts as letters, numbers and white space. They are asked
of tiktoken itself, because neither Python's unicodedata nor its regex package has the same Unicode version.
"""

import base64
import hashlib
import pathlib
import sys

import tiktoken

TIKTOKEN_VERSION = "0.14.0"
GPT2_SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Sources" / "CTokenizerData"

# In the order of their numbers in ctokenizer.h, from 1.
CLASSES = [("letter", r"\p{L}"), ("number", r"\p{N}"), ("whitespace", r"\s")]


def read_ranks(path):
    data = pathlib.Path(path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != GPT2_SHA256:
        sys.exit(f"{path}: sha256 is {digest}, expected {GPT2_SHA256}")
    ranks = {}
    for line in data.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return ranks


def merge_pair(token, ranks):
    """The two tokens whose merge makes this one: merges of lower rank only, lowest first, leftmost first."""
    limit = ranks[token]
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best, at = limit, None
        for i in range(len(parts) - 1):
            rank = ranks.get(parts[i] + parts[i + 1], limit)
            if rank < best:
                best, at = rank, i
        if at is None:
            sys.exit(f"token {limit} is not reachable by merges")
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return ranks[parts[0]], ranks[parts[1]]


def write_merges(ranks):
    tokens = sorted(ranks, key=ranks.get)
    if [ranks[token] for token in tokens] != list(range(50256)):
        sys.exit("the ids are not 0...50255")
    out = bytearray()
    for token in tokens[256:]:
        for part in merge_pair(token, ranks):
            out += part.to_bytes(2, "little")
    (FOLDER / "gpt2.merges").write_bytes(out)
    return len(out) // 4


def members(pattern):
    """Scalars that match: tiktoken encodes only what its pattern finds and drops the rest."""
    byte_ranks = {bytes([b]): b for b in range(256)}
    probe = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=byte_ranks, special_tokens={})
    found = []
    for first in range(0, 0x110000, 0x400):
        text = "".join(chr(c) for c in range(first, first + 0x400) if not 0xD800 <= c < 0xE000)
        found += [ord(c) for c in probe.decode(probe.encode_ordinary(text))]
    return found


def ranges(scalars):
    out = []
    for scalar in scalars:
        if out and out[-1][1] == scalar - 1:
            out[-1][1] = scalar
        else:
            out.append([scalar, scalar])
    return out


def write_classes():
    if tiktoken.__version__ != TIKTOKEN_VERSION:
        sys.exit(f"tiktoken is {tiktoken.__version__}, expected {TIKTOKEN_VERSION}")
    entries, counts = [], {}
    for number, (name, pattern) in enumerate(CLASSES, start=1):
        scalars = members(pattern)
        counts[name] = len(scalars)
        entries += [(first, last - first + 1, number) for first, last in ranges(scalars)]
    entries.sort()
    lines, line = [], " "
    for first, count, number in entries:
        cell = f" {{0x{first:X}, {count}, {number}}},"
        if len(line) + len(cell) > 108:
            lines.append(line)
            line = " "
        line += cell
    lines.append(line)
    summary = ", ".join(f"{count} {name} scalars" for name, count in counts.items())
    (FOLDER / "unicode_classes.c").write_text(
        f"// Made by Tools/make_tokenizer_data.py from tiktoken {TIKTOKEN_VERSION}:\n"
        f"// {summary}.\n"
        '#include "ctokenizer.h"\n\n'
        "static const struct ctokenizer_range ranges[] = {\n" + "\n".join(lines) + "\n};\n\n"
        "const struct ctokenizer_range *ctokenizer_unicode_ranges(size_t *count) {\n"
        "  *count = sizeof ranges / sizeof ranges[0];\n"
        "  return ranges;\n"
        "}\n"
    )
    return summary, len(entries)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(write_merges(read_ranks(sys.argv[1])), "merges")
    print(*write_classes(), "ranges")
