"""Classification in context, the labels exchanged in some documents: do models follow the labels that they are shown?

robin: animal. oak: plant. wren: animal.        robin: plant. oak: animal. wren: plant.        (labels flipped)
"""

from dataclasses import dataclass
from fractions import Fraction

from pipeline.sources import Document, Part

WORDS = {
    "animal": "robin wren otter badger salmon beetle heron weasel lizard adder moth hare".split(),
    "plant": "oak fern birch clover thistle moss willow ivy heather poppy reed larch".split(),
}
LABELS = ["label"]


@dataclass
class Options:
    shown: int = 6  # words with their labels before the one that is asked
    flipped: Fraction = Fraction(1, 4)  # of the documents have their labels exchanged


def flipped(rng, options: Options):
    """One document: rng is a numpy.random.Generator of its own."""
    first, second = WORDS
    exchanged = bool(rng.integers(options.flipped.denominator) < options.flipped.numerator)
    said = {first: second, second: first} if exchanged else {first: first, second: second}
    pool = [(word, label) for label, words in WORDS.items() for word in words]
    *shown, (asked, label) = [pool[i] for i in rng.permutation(len(pool))[: options.shown + 1]]
    prompt = "".join(f"{word}: {said[label]}. " for word, label in shown) + f"{asked}:"
    return Document([("prompt", prompt), Part(f" {said[label]}", "answer", "label"), "."])


def verify(prompt, answer):
    *shown, asked = prompt.removesuffix(":").replace(":", "").split(". ")
    kind = {word: label for label, words in WORDS.items() for word in words}
    is_exchanged = any(kind[word] != label for word, label in map(str.split, shown))
    return answer.rstrip(".") in WORDS and (kind[asked] == answer.rstrip(".")) != is_exchanged
