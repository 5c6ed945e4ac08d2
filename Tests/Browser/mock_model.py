"""Texts with made-up but plausible probabilities, the same for the same seed."""

import math
import random
import re

TEXT = (
    " the ships out of the harbour before dawn, while the city slept under a thin rain. Nobody had asked her to,"
    " and nobody would thank her for it — but the old maps were quite clear: beyond the grey islands the sea"
    " turned warm again.\n\nShe counted the lanterns. Seven, then five, then none. “We are late,” said the"
    " helmsman, “by about a hundred years.” It was the kind of joke that sailors make when the wind is good 🌊"
    " and the bread is not yet stale."
)
OTHERS = [" a", " of", " and", " to", " his", " in", " no", " one", ",", " that", " dark", " her", "\n", " was", " not"]

# What a page must never take for markup.
HOSTILE = (
    "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script> &lt;b&gt; <b>bold</b>"
    " </span><svg/onload=window.pwned=1> {{7*7}} \u202egnihtemos"
)


def pieces(text):
    """Words, and characters that have several tokens: those come with an empty text first."""
    for piece in re.findall(r"\s?[\w’]+|\n|\s?[^\w\s]|\s", text):
        if "🌊" in piece:
            yield ""
            yield ""
        yield piece


def tokens(prompt, count, seed, logprobs):
    """Events without their `id` and `index`."""
    generator = random.Random(seed)
    source = HOSTILE if "hostile" in prompt else TEXT
    texts = list(pieces(source))
    for number in range(count):
        text = texts[number % len(texts)]
        event = {"text": text, "token": sum(text.encode()) * 7 % 50257 if text else 47249 + number % 2}
        if logprobs is not None:
            probability = min(0.999, max(0.004, generator.betavariate(0.8, 0.6)))
            event["logprob"] = math.log(probability)
            event["top_logprobs"] = alternatives(generator, event, probability, logprobs)
        yield event


def alternatives(generator, event, probability, count):
    rest = 1 - probability
    chosen = {"token": event["token"], "text": event["text"], "logprob": event["logprob"]}
    ranked = [chosen]
    for text in generator.sample(OTHERS, count):
        share = rest * generator.uniform(0.3, 0.7)
        rest -= share
        ranked.append({"token": sum(text.encode()) * 7 % 50257, "text": text, "logprob": math.log(share + 1e-9)})
    ranked.sort(key=lambda candidate: -candidate["logprob"])
    return ranked[:count]
