"""Preferences: an answer that is right, and one that is not, to one prompt; and choices, of which one is right.

    questions   Where was Anya born?    chosen  Boston.    rejected  Chicago.     the kind of mistake: value
                                                           rejected  Oslo.        individual: true of somebody else
    problems    How many …?             chosen  a solution rejected  with a wrong step

Documents are those of another source of the recipe, at the same item and exposure. What is wrong is drawn by keys of
this source, and differs from what is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field as Key_
from pydantic import model_validator

from pipeline.core.documents import Documents
from pipeline.core.draws import I32, I64, bits, orders, thresholds
from pipeline.core.errors import RunError, SpecError, suggest
from pipeline.core.spec import Name, Rational, refused
from pipeline.sources.abilities import Mistaken
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, Source
from pipeline.sources.spec import DocumentsSpec

ATTEMPTS = 100  # draws of a wrong answer, before there is said to be none
TRIED = 200  # documents for which wrong answers are drawn when it is planned


class PreferenceSpec(DocumentsSpec):
    """The answers of another source, beside wrong ones."""

    kind: Literal["preference"]
    of: Name = Key_(description="The source whose answers are right.")
    wrong: dict[Name, Rational] | None = Key_(
        None,
        min_length=1,
        description="How rejected answers are wrong, with weights: value, individual, step, other. Default: all ways "
        "that the source has, equally.",
    )
    margins: dict[Name, Annotated[Rational, Key_(ge=-(10**6), le=10**6)]] = Key_(
        {}, description="By how much the right answer is better, by the way of being wrong. Default: 1."
    )
    choices: int = Key_(
        4, ge=2, le=26, description="For the column choices: how many there are, the right one included."
    )

    @model_validator(mode="after")
    def _weights(self) -> PreferenceSpec:
        for key in ("tag", "mask", "chat"):
            if getattr(self, key):
                raise refused(f"'{key}' belongs to the source that `of` names", "Move it there.", (key,))
        if self.wrong is not None and (any(w < 0 for w in self.wrong.values()) or not sum(self.wrong.values())):
            raise refused("weights of wrong answers are above zero", "Write {value: 1, individual: 3}.", ("wrong",))
        return self


@dataclass(frozen=True)
class Rejected:
    """Wrong answers to the prompts of documents (d,).

    documents: with their parts. messages: of each, if they are conversations; else None. ways: names of the ways of
    being wrong, of which way (d,) is each's.
    """

    documents: Documents
    messages: list[list[tuple[str, str]]] | None
    ways: tuple[str, ...]
    way: I64


class Preference(Source):
    """An item is one of the source whose answers are right."""

    def __init__(self, spec: PreferenceSpec, context: Context) -> None:
        if spec.of not in context.sources:
            raise SpecError(f"no source '{spec.of}'", suggest(spec.of, context.sources), ("of",))
        self.inner = context.sources[spec.of]
        if isinstance(self.inner, Preference) or not {"prompt", "answer"} <= {*self.inner.roles}:
            remedy = "Name one of questions or problems, or give it `chat` with a `request`."
            raise SpecError(f"the documents of '{spec.of}' have no prompts with answers", remedy, ("of",))
        known: tuple[str, ...] = getattr(self.inner, "ways", ())
        if not known:
            raise SpecError(
                f"the source '{spec.of}' does not know wrong answers to its prompts",
                "These do: questions, igsm with a modulus, and any source with `chat`.",
                ("of",),
            )
        weights = {name: Fraction(1) for name in known} if spec.wrong is None else dict(spec.wrong)
        for group, names in (("wrong", weights), ("margins", spec.margins)):
            for name in names:
                if name not in known:
                    raise SpecError(
                        f"'{spec.of}' has no answers that are wrong by '{name}'", suggest(name, known), (group, name)
                    )
        self.ways = tuple(name for name, weight in weights.items() if weight)
        self._thresholds = thresholds([weights[name] for name in self.ways])
        self.margins = {name: float(spec.margins.get(name, Fraction(1))) for name in self.ways}
        self.choices, self._key, self.kind = spec.choices, context.key, self.inner.kind
        self.labels, self.roles, self.mask = self.inner.labels, self.inner.roles, self.inner.mask
        self.exposures, self.world = self.inner.exposures, self.inner.world
        self.mean_tokens, self.longest = self.inner.mean_tokens, self.inner.longest
        self.notices, self.conversing = self.inner.notices, bool(getattr(self.inner, "conversing", False))
        item = np.arange(min(TRIED, len(self)), dtype=np.int64)
        try:
            self.rejected(item, np.zeros_like(item))
        except RunError as error:
            raise SpecError(error.problem, error.remedy, ("wrong",), [("wrong",), ("of",)]) from None

    def __len__(self) -> int:
        return len(self.inner)

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        return self.inner.documents(item, exposure, spans=spans, parts=parts)

    def messages(self, item: I64, exposure: I64) -> list[list[tuple[str, str]]]:
        """The (role, content) of each message of each document (d,), whose answers are right."""
        messages: list[list[tuple[str, str]]] = self.inner.messages(item, exposure)  # type: ignore[attr-defined]
        return messages

    def token_ids(self) -> I64 | None:
        return self.inner.token_ids()

    def individuals(self, item: I64) -> I64:
        return self.inner.individuals(item)

    def topics(self, item: I64) -> list[str]:
        return self.inner.topics(item)

    def rejected(self, item: I64, exposure: I64) -> Rejected:
        """A wrong answer to the prompt of each document (d,)."""
        (rejected,) = self._wrong(item, exposure, 1)
        return rejected

    def choices_of(self, item: I64, exposure: I64) -> list[Rejected]:
        """choices - 1 wrong answers to the prompt of each document (d,), all different."""
        return self._wrong(item, exposure, self.choices - 1)

    def order_of(self, item: I64, exposure: I64) -> I32:
        """The order in which the choices of each document (d,) stand, 0 being the right one: int32 (d, choices)."""
        return orders(self._key.child("order"), self.choices, item, exposure)

    def _wrong(self, item: I64, exposure: I64, count: int) -> list[Rejected]:
        """`count` wrong answers to each prompt, all different. RunError if a prompt does not have as many."""
        right = self.inner.documents(item, exposure, spans=False)
        taken = [{_ids(right, i)} for i in range(item.size)]
        drawn = bits(self._key.child("way"), item, exposure)
        way = np.searchsorted(self._thresholds, drawn, side="right").astype(np.int64)
        found: list[Rejected] = []
        attempt = np.zeros(item.size, np.int64)
        for _ in range(count):
            pending = np.arange(item.size)
            kept: list[Any] = [None] * item.size
            while pending.size:
                if (attempt[pending] >= ATTEMPTS).any():
                    worst = int(pending[attempt[pending].argmax()])
                    raise RunError(
                        f"no {count} different wrong answers by '{self.ways[way[worst]]}' to item {item[worst]} were "
                        f"found in {ATTEMPTS} draws",
                        "Leave that way out of `wrong`, lower `choices`, or give the attribute more values.",
                    )
                made = self._drawn(item, exposure, way, attempt, pending)
                attempt[pending] += 1
                for row in pending.tolist():
                    documents, place, _ = made[row]
                    ids = _ids(documents, place)
                    if ids not in taken[row]:
                        taken[row].add(ids)
                        kept[row] = made[row]
                pending = np.array([row for row in pending.tolist() if kept[row] is None], np.int64)
            found.append(self._together(kept, way))
        return found

    def _drawn(
        self, item: I64, exposure: I64, way: I64, attempt: I64, rows: I64
    ) -> dict[int, tuple[Documents, int, Any]]:
        """One more wrong answer for each of some rows: row → documents, the document's number in them, its messages."""
        made: dict[int, tuple[Documents, int, Any]] = {}
        groups = sorted({(int(way[row]), int(attempt[row])) for row in rows.tolist()})
        for number, tried in groups:
            same = rows[(way[rows] == number) & (attempt[rows] == tried)]
            documents, messages = self._of_way(self.ways[number], item[same], exposure[same], tried)
            for place, row in enumerate(same.tolist()):
                made[row] = documents, place, messages[place] if messages is not None else None
        return made

    def _of_way(self, way: str, item: I64, exposure: I64, attempt: int) -> tuple[Documents, Any]:
        inner, key = self.inner, self._key.child("wrong")
        if self.conversing:
            documents, messages = inner.wrong(way, item, exposure, key, attempt)  # type: ignore[attr-defined]
            return documents, messages
        assert isinstance(inner, Mistaken), "it is checked"
        return inner.documents_of(inner.wrong_outline(way, item, exposure, key, attempt)), None

    def _together(self, kept: Sequence[tuple[Documents, int, Any]], way: I64) -> Rejected:
        """One wrong answer for each row."""
        by_call: dict[int, list[int]] = {}
        for row, (documents, _, _) in enumerate(kept):
            by_call.setdefault(id(documents), []).append(row)
        pieces, order = [], []
        for rows in by_call.values():
            pieces.append(kept[rows[0]][0].take(np.array([kept[row][1] for row in rows], np.int64)))
            order += rows
        documents = Documents.concat(pieces).take(np.argsort(np.array(order, np.int64))) if pieces else self._nothing()
        messages = [messages for _, _, messages in kept] if self.conversing else None
        return Rejected(documents, messages, self.ways, way)

    def _nothing(self) -> Documents:
        nothing = np.empty(0, np.int64)
        return self.inner.documents(nothing, nothing, spans=False, parts=True)


def _ids(documents: Documents, row: int) -> bytes:
    """The token ids of a document, to compare."""
    tokens = documents.tokens
    return bytes(tokens.values[tokens.offsets[row] : tokens.offsets[row + 1]].tobytes())


register(
    SourceKind(
        "preference",
        PreferenceSpec,
        Preference,
        "right answers beside wrong ones, for preferences, rewards and choices",
    )
)
