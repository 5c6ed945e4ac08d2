#!/usr/bin/env python3
"""Makes the fixtures of Tests/GPT2Tests/Tokenizer.

    pip install tiktoken==0.14.0 tokenizers==0.23.3
    python3 Tools/make_tokenizer_vectors.py gpt2.tiktoken

The argument is the file that make_tokenizer_data.py takes too. Everything is seeded: the same versions make
the same files.

gpt2-vectors.bin: texts and tiktoken's ids. A vector is the length of the text, its UTF-8, the number of ids
and the ids; every number is a little-endian u16.

replaced-utf8.bin: byte strings, valid and not, and what Python decodes them to with errors="replace"; both are
written as a length and bytes.

small/: a vocabulary trained by Hugging Face's tokenizers, as vocab.json and merges.txt and as tokenizer.json,
and its ids for some texts in vectors.bin, in the format of gpt2-vectors.bin.
"""

import base64
import pathlib
import random
import re
import sys
import unicodedata

import tiktoken
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "GPT2Tests" / "Fixtures" / "Tokenizer"
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
NO_SPACES = "\x1c\x1f\u180e\u200b\u200d\ufeff"

SENTENCES = r"""
Hello, world!
Every effort moves you
Don't say 'story', it's 'twas; we'll, they've, I'm, you're, he'd, SHE'S, DON'T, ’s isn’t one.
def f(x):\n    return x ** 2  # square\n\n\nclass A:\n\tpass\r\n
for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }\r\n\r\n
<|endoftext|> is plain text, and so is <|im_start|>.
https://example.org/a/b?c=d&e=%20f#g user@example.org +1 (555) 010-9999 1,234,567.89 1e-10 0x7FFF
Größe, naïve café, Œuvre, Łódź, Ångström, İstanbul, ﬁnance, straße STRASSE
Привет, мир! Съешь ещё этих мягких французских булок, да выпей чаю.
Γειά σου Κόσμε, η γρήγορη αλεπού
שלום עולם, מה שלומך היום? בְּרֵאשִׁית
مرحبا بالعالم ١٢٣٤٥٦ السَّلَامُ عَلَيْكُمْ
नमस्ते दुनिया १२३ क्षत्रिय
ওহে বিশ্ব ১২৩ বাংলা
வணக்கம் உலகம் ௧௨௩
สวัสดีชาวโลก ๑๒๓ ภาษาไทย
你好,世界。敏捷的棕色狐狸跳过懒狗 一二三〇
こんにちは世界、カタカナとひらがな ﾊﾝｶｸ 〇①②③
안녕하세요 세계 각
გამარჯობა მსოფლიო Բարեւ աշխարհ
ሰላም ልዑል ፩፪፫
ᚠᛇᚻ᛫ᛒᛦᚦ 𐍈𐌰𐌹 𓀀𓀁𓂀 𒀀𒀁
𝐀𝐁𝐂 𝟎𝟏𝟐 ⅷ Ⅷ ½ ¾ ² ³ ⁴ ₅ ㊿ ⒈ Ⓐ ⓐ ㎏
😀😃😄 👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ ☃ ✔︎ 1️⃣ #️⃣ 👨🏿‍🚀 🧑‍🤝‍🧑
é e\u0301 ñ n\u0303 ạ̈ Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞
∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β = ¬(¬α ∨ β), ∑∫√∞ ≤≥≠ →⇒ €£¥₹ §¶†‡ «»„“ …—–
\u202eright to left\u202c \u200ezero\u200bwidth\ufeff soft\u00adhyphen
""".strip().split("\n")


def unescape(text):
    for code, char in [(r"\n", "\n"), (r"\r", "\r"), (r"\t", "\t")]:
        text = text.replace(code, char)
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


def assigned(rng, low, high):
    """A random scalar between the two that is assigned, if there is one to be found."""
    for _ in range(50):
        char = chr(rng.randint(low, high))
        if unicodedata.category(char) not in ("Cn", "Cs"):
            return char
    return "a"


def any_scalar(rng):
    while True:
        value = rng.randrange(rng.choice([0x80, 0x800, 0x10000, 0x110000]))
        if not 0xD800 <= value < 0xE000:
            return chr(value)


def texts(rng):
    sentences = [unescape(s) for s in SENTENCES]
    yield ""
    yield from sentences
    words = [w for s in sentences for w in s.split(" ") if w]
    # Every piece of syntax beside every other.
    atoms = "a|B|1|.|'|'s|'ll|'re|'x|'S|é|e\u0301|٣|½|中|😀|\u200d|_".split("|")
    gaps = "| |  |\n|\r\n| \n|\n |\t|\u00a0| \u00a0|\u3000|   |\n\n\n|\u200b".split("|")
    for gap in gaps:
        for left in atoms:
            yield left + gap + rng.choice(atoms) + rng.choice(gaps) + rng.choice(atoms)
        yield gap
        yield gap + "a"
        yield "a" + gap
    # Characters of every block, and every decimal digit.
    for low in range(0x80, 0x3400, 0x40):
        yield "".join(assigned(rng, low, low + 0x3F) for _ in range(5))
    for low in [*range(0x3400, 0xD800, 0x800), *range(0xE000, 0x1FC00, 0x100)]:
        yield "a " + "".join(assigned(rng, low, low + 0xFF) for _ in range(4))
    digits = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) == "Nd"]
    for at in range(0, len(digits), 10):
        yield "x " + "".join(rng.sample(digits[at : at + 10], 3)) + " 7"
    for char in SPACES + NO_SPACES:
        yield f"a{char}b"
        yield f"a{char}{char}b {char}"
        yield f"{char} 1{char}.{char}"
    for _ in range(60):
        yield "".join(rng.choice("ab1.'" + SPACES + NO_SPACES) for _ in range(rng.randint(2, 10)))
    # Words of all scripts, mixed.
    for _ in range(600):
        gap = rng.choice([" ", " ", " ", "", "\n", "  "])
        yield gap.join(rng.choice(words) for _ in range(rng.randint(1, 4)))
    # Random letters and case: much merging.
    for _ in range(150):
        yield "".join(rng.choice("etaoinshrdluETAOIN   ,.'") for _ in range(rng.randint(1, 40)))
    for _ in range(60):
        yield bytes(rng.randrange(0x20, 0x7F) for _ in range(rng.randint(1, 30))).decode()
    # Any scalars of all planes, assigned or not.
    for _ in range(900):
        yield "".join(any_scalar(rng) for _ in range(rng.randint(1, 6)))
    # Long runs, of which some go through the merging of long pieces.
    for unit in ["a", "ab", " ", "\n", ".", "-", "=", "9", "é", "中", "😀", "\u0301", "'", "\r\n", "aB1"]:
        for count in (2, 3, 7, 16, 31, 63, 64, 65, 130):
            yield unit * count
    for _ in range(12):
        yield "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(60, 300)))
        yield "".join(rng.choice("01") for _ in range(rng.randint(60, 200)))


def packed(*parts):
    out = bytearray()
    for part in parts:
        out += len(part).to_bytes(2, "little")
        out += part if isinstance(part, bytes) else b"".join(i.to_bytes(2, "little") for i in part)
    return bytes(out)


def gpt2(path):
    lines = (line.split() for line in path.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    return tiktoken.Encoding(
        "gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})


def write_gpt2_vectors(encoding, rng):
    seen = list(dict.fromkeys(texts(rng)))
    data = b"".join(packed(text.encode(), encoding.encode_ordinary(text)) for text in seen)
    (FOLDER / "gpt2-vectors.bin").write_bytes(data)
    print(len(seen), "texts,", len(data), "bytes")


def write_replaced(rng):
    out = bytearray()
    # The borders of every range in the definition of UTF-8.
    borders = bytes.fromhex("00417f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff")
    for number in range(1500):
        if number % 3 == 0:
            data = bytes(rng.randrange(256) for _ in range(rng.randint(1, 12)))
        elif number % 3 == 1:
            data = bytes(rng.choice(borders) for _ in range(rng.randint(1, 10)))
        else:
            data = bytearray("".join(any_scalar(rng) for _ in range(rng.randint(1, 5))).encode())
            for _ in range(rng.randint(1, 2)):
                if data:
                    del data[rng.randrange(len(data))]
            data = bytes(data)
        out += packed(data, data.decode("utf-8", errors="replace").encode())
    (FOLDER / "replaced-utf8.bin").write_bytes(out)
    print("1500 byte strings,", len(out), "bytes")


def write_small(rng):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=640, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([unescape(s) for s in SENTENCES] * 3, trainer)
    folder = FOLDER / "small"
    folder.mkdir(exist_ok=True)
    tokenizer.model.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    data = bytearray()
    words = [w for s in SENTENCES for w in unescape(s).split(" ") if w]
    for _ in range(200):
        text = " ".join(rng.choice(words) for _ in range(rng.randint(1, 6)))
        if "<|endoftext|>" not in text:
            data += packed(text.encode(), tokenizer.encode(text).ids)
    (folder / "vectors.bin").write_bytes(data)
    print("small:", tokenizer.get_vocab_size(), "tokens,", len(data), "bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_gpt2_vectors(gpt2(pathlib.Path(sys.argv[1])), random.Random(1))
    write_replaced(random.Random(2))
    write_small(random.Random(3))
