"""The prose corpus and its split: the last 3 % of every text are held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HELD_OUT_FRACTION = 0.03
DEFAULT_DATA = Path(__file__).resolve().parents[1] / "../shared/data"


@dataclass(frozen=True)
class Text:
    """One work: its file name without extension, the part trained on and the part held out."""

    name: str
    train: str
    held_out: str


def load_corpus(data: Path) -> list[Text]:
    """Read `corpus/*.txt` in the order of their names."""
    paths = sorted((data / "corpus").glob("*.txt"))
    if not paths:
        raise FileNotFoundError(f"no texts in {data / 'corpus'}")
    return [_split(path.stem, path.read_text(encoding="utf-8")) for path in paths]


def _split(name: str, text: str) -> Text:
    """Cut at 97 % of the characters, moved back to the start of the word there."""
    cut = int(len(text) * (1 - HELD_OUT_FRACTION))
    while cut > 0 and not text[cut].isspace():
        cut -= 1
    return Text(name, text[:cut], text[cut:])
