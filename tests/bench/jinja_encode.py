"""What people do: a Jinja2 template a sentence, rendered for each person, then `encode_batch` of Hugging Face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from pipeline.plan.plan import Plan
from tests.bench.biographies import WORDS, Biographies, singular

ATTRIBUTES = ("name", "birth_date", "birth_city", "university", "major", "employer", "company_city")
Person = dict[str, Any]


class JinjaEncode:
    """The first `count` documents in the order of positions, to packed uint16. People and wordings are drawn ahead."""

    def __init__(self, plan: Plan, count: int) -> None:
        source = Biographies(plan)
        self._backend, self._eos = plan.tokenizer.backend, plan.tokenizer.eos
        self._length = source.split.packing.length
        environment = jinja2.Environment(autoescape=False)
        self._templates = [[environment.from_string(line) for line in lines] for lines in source.lines]
        drawn = source.draw(np.arange(count, dtype=np.int64))
        (pronoun,) = source.columns("pronoun")
        self._people: list[Person] = []
        for row in drawn.rows.tolist():
            person = {attribute: source.shown(attribute, row) for attribute in ATTRIBUTES}
            self._people.append({**person, "pronoun": pronoun.values[row[pronoun.slot]]})
        self._wordings: list[list[int]] = np.stack(drawn.wordings, axis=1).tolist()

    def packed(self, *, fast: bool) -> NDArray[np.uint16]:
        """The documents as sequences (n, 512). fast: `encode_batch_fast`, which keeps no offsets."""
        texts = [self._rendered(*told) for told in zip(self._people, self._wordings, strict=True)]
        encode: Callable[..., Sequence[Any]] = self._backend.encode_batch_fast if fast else self._backend.encode_batch
        encodings = encode(texts, add_special_tokens=False)
        ids = np.fromiter(chain.from_iterable([*encoding.ids, self._eos] for encoding in encodings), np.uint16)
        rows = -(-len(ids) // self._length)
        return np.pad(ids, (0, rows * self._length - len(ids)), constant_values=self._eos).reshape(rows, -1)

    def _rendered(self, person: Person, wordings: Sequence[int]) -> str:
        subject, subjects, object_, possessive = WORDS[person["pronoun"]]
        words = {**person, "object": object_, "possessive": possessive, "verb": singular}
        words |= {"subject": person["name"], "subject_possessive": person["name"] + "'s"}
        told = [self._templates[0][wordings[0]].render(words)]
        words |= {"subject": subject, "subject_possessive": subjects}
        told += [
            templates[wording].render(words)
            for templates, wording in zip(self._templates[1:], wordings[1:], strict=True)
        ]
        return " " + " ".join(told)
