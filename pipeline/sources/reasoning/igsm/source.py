"""The source of problems: items to documents.

    item ──kernels/problems──► a problem as numbers ──kernels/rendering──► programs and their slots ──text/──► tokens

Each exposure renders the same problem with another order of sentences, other letters and other mistakes. Mistakes have
their own streams: without them, a document with mistakes is, sentence for sentence, the one of a source without.

Letters: d documents, m programs in all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64
from pipeline.core.key import Key
from pipeline.core.notices import information
from pipeline.core.table import Column, Strings
from pipeline.sources.lengths import SAMPLE, sample_mean
from pipeline.sources.reasoning.igsm import layout, phrases
from pipeline.sources.reasoning.igsm.generation import chunks, draw_problems, render
from pipeline.sources.reasoning.igsm.layout import STREAMS, Problems
from pipeline.sources.reasoning.igsm.spec import IgsmSpec
from pipeline.sources.reasoning.igsm.steps import Steps, steps_of
from pipeline.sources.reasoning.igsm.vocabulary import table
from pipeline.sources.reasoning.igsm.words import ROLE_OF, Words
from pipeline.sources.reasoning.igsm.wrong_steps import with_wrong_step
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, Source, mask_of, number_of
from pipeline.sources.spec import MarkSpec
from pipeline.text.outline import Outline

STEP = number_of("hint")  # marks where steps begin


class Igsm(Source):
    """An item is a problem, which depends on the source's key only."""

    labels: tuple[str, ...] = ("", "parameter")
    slots = phrases.SLOTS
    wrong_label = 0
    never_first = ()

    def __init__(self, spec: IgsmSpec, context: Context) -> None:
        assert isinstance(spec.vocabulary, dict), "the spec is materialised"
        self._spec, self._exact = spec, spec.modulus == "exact"
        names, places = table(spec.vocabulary)
        streams = [context.key.child(name) for name in STREAMS]
        keys = np.array([(stream.high, stream.low) for stream in streams], np.uint64)
        self._options = spec.problem_options(keys, places)
        self._words = Words(tuple(names), tuple(_marks(spec).items()), spec.tag, context.tokenizer, _absent(spec))
        if self._exact:
            slow = "slow path: documents are rendered and encoded one by one, because numbers are exact"
            self.notices = (information(slow),)
        else:
            self._renderer, self.notices = self._words.compiled(self._options.modulus)
            self.programs = self._words.programs(self._options.modulus)
        self._programs = np.array(self._words.numbers, np.int64)  # of each phrase
        self._render_options = spec.render_options(keys, self._programs)
        present = {"tag": spec.tag, "hint": True, "prompt": True, "answer": spec.answer != "none"}
        self._mistake = "weak" if spec.retry and spec.retry.mistake == "weak" else "mistake"
        retry = dict.fromkeys((self._mistake, "attempt", "back"), spec.retry)
        self.roles = tuple(role for role, is_present in {**present, **retry}.items() if is_present)
        self.mask = mask_of(spec, self.roles)
        self._role_of = self._roles()
        self.mean_tokens = sample_mean(self, SAMPLE // 10 if self._exact else SAMPLE)

    def __len__(self) -> int:
        return self._spec.problems

    @property
    def rendered(self) -> bool:
        return self._exact

    def token_ids(self) -> I64 | None:
        return None if self._exact else self._renderer.token_ids()

    def topics(self, item: I64) -> list[str]:
        """The number of operations of each problem."""
        return [f"op {count}" for count in self.problems(item)["operations"].tolist()]

    def problems(self, item: I64) -> Problems:
        """The problems of items (d,): records of layout.PROBLEM (d,). RunError if none is found for an item."""
        return draw_problems(item, self._options)

    def retries(self, item: I64, exposure: I64) -> I32:
        """The number of mistakes that each document takes back: int32 (d,)."""
        counts = [self._rendered(i, e).retries for i, e in chunks(item, exposure)]
        return np.concatenate([np.empty(0, np.int32), *counts])

    def step_columns(self, item: I64, exposure: I64) -> dict[str, Column]:
        """`op` and `retries` of each document, `parameters` (names, one a line), their `labels`, and `steps`."""
        steps = self.steps(item, exposure)
        return {
            "op": self.problems(item)["operations"].astype(np.int32),
            "retries": self.retries(item, exposure),
            "parameters": Strings.of(["\n".join(names) for names in steps.names]),
            "labels": steps.parameters,
            "steps": steps.steps,
        }

    def steps(self, item: I64, exposure: I64) -> Steps:
        """The labels of probes for the documents (d,)."""
        problems = self.problems(item)
        rendered = render(item, exposure, problems, self._render_options)
        define, wrong = self._programs[[phrases.DEFINE, phrases.WRONG]]
        begins = np.isin(rendered.programs, [define, wrong])
        documents = self._tokenized(rendered, begins.astype(np.uint8) * STEP, spans=False)
        assert documents.parts is not None, "they were asked for"
        defines = rendered.programs[begins] == define
        first = np.ones(len(defines), bool)  # marks the beginning of each step, or of the first mistake before it
        first[1:] = defines[:-1]
        starts = documents.parts.values[documents.parts.values[:, 2] == STEP, 0]
        return steps_of(problems, starts[first].astype(np.int64) - 1, self._words.names)

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The problems `item` (d,), rendered at `exposure` (d,)."""
        documents = [self._documents(i, e, spans, parts) for i, e in chunks(item, exposure)]
        return Documents.concat(documents or [self._documents(item, exposure, spans, parts)])

    def outline(self, item: I64, exposure: I64) -> Outline:
        """The outline of the documents of `item` (d,) at `exposure` (d,)."""
        return self._outline(self._rendered(item, exposure))

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which its solutions can be wrong."""
        return () if self._exact else ("step",)

    def wrong_outline(self, way: str, item: I64, exposure: I64, key: Key, attempt: int) -> Outline:
        """The outline of documents (d,) with a wrong step each."""
        drawn = key.child(way, attempt)
        return with_wrong_step(
            self.outline(item, exposure), self._programs, self._options.modulus, item, exposure, drawn
        )

    def documents_of(self, outline: Outline) -> Documents:
        """The documents of an outline, with their parts."""
        documents = self._renderer.documents(len(outline), None, outline.slice, spans=False, parts=True)
        assert documents.parts is not None, "they were asked for"
        return Documents(documents.tokens, None, _merged(documents.parts))

    def _outline(self, rendered: layout.Documents) -> Outline:
        facts = np.arange(len(rendered.programs), dtype=np.int32)  # each program has a row of its own
        return Outline(rendered.programs, facts, rendered.first, rendered.rows, self._role_of[rendered.programs])

    def _documents(self, item: I64, exposure: I64, spans: bool, parts: bool) -> Documents:
        rendered = self._rendered(item, exposure)
        documents = self._tokenized(rendered, self._role_of[rendered.programs] if parts else None, spans)
        if documents.parts is not None:
            documents = Documents(documents.tokens, documents.spans, _merged(documents.parts))
        return documents

    def _rendered(self, item: I64, exposure: I64) -> layout.Documents:
        """Documents (d,) as programs."""
        return render(item, exposure, self.problems(item), self._render_options)

    def _tokenized(self, rendered: layout.Documents, roles: NDArray[np.uint8] | None, spans: bool) -> Documents:
        """The tokens of documents, with their parts if roles (m,), one for each program, are given."""
        renderer = self._words.renderer_of(rendered.rows) if self._exact else self._renderer
        facts = np.arange(len(rendered.programs), dtype=np.int32)  # each program has a row of its own
        outline = Outline(rendered.programs, facts, rendered.first, rendered.rows, roles)
        return renderer.documents(len(rendered.retries), None, lambda _: outline, spans=spans, parts=roles is not None)

    def _roles(self) -> NDArray[np.uint8]:
        """The role of every program, by its number."""
        roles = np.zeros(int(self._programs.max()) + 1, np.uint8)
        for role, names in ROLE_OF.items():
            for name in names:
                program = self._programs[phrases.PHRASES.index(name)]
                if program >= 0:
                    roles[program] = number_of(self._mistake if role == "mistake" else role)
        between = self._programs[phrases.SOLUTION]
        if self._spec.answer == "first" and between >= 0:  # then it comes after the answer, not in the prompt
            roles[between] = 0
        return roles


def _marks(spec: IgsmSpec) -> dict[str, MarkSpec]:
    """Phrase name → mark between sentences. A mark `back` that is text gets a full stop, a special token does not."""
    back = spec.retry and spec.retry.back
    if not back:
        return spec.between
    return {**spec.between, "back": back if back.token else MarkSpec(text=f"{back.text}.")}


def _absent(spec: IgsmSpec) -> frozenset[str]:
    """The phrases that no document of a source contains."""
    mistakes = spec.retry and spec.retry.rate and spec.retry.share
    return frozenset([
        *(() if spec.background else phrases.OF_BACKGROUND),
        *(() if mistakes else phrases.OF_MISTAKES),
        *(("answer",) if spec.answer == "none" else ()),
    ])  # fmt: skip


def _merged(parts: Ragged) -> Ragged:
    """Joins adjacent rows (start, length, role) with the same role in a document."""
    rows = parts.values
    document = np.repeat(np.arange(len(parts)), parts.lengths)
    begins = np.ones(len(rows), bool)
    same = (rows[1:, 2] == rows[:-1, 2]) & (document[1:] == document[:-1])
    begins[1:] = ~(same & (rows[:-1, 0] + rows[:-1, 1] == rows[1:, 0]))
    at = np.flatnonzero(begins)
    if not len(at):
        return parts
    lengths = np.add.reduceat(rows[:, 1], at)
    merged = np.column_stack([rows[at, 0], lengths, rows[at, 2]]).astype(np.int32)
    return Ragged(merged, offsets_of(np.bincount(document[at], minlength=len(parts))))


register(
    SourceKind(
        "igsm",
        IgsmSpec,
        Igsm,
        "grade-school mathematics, solved step by step, also with mistakes that are taken back (2.1, 2.2)",
        kernels=(
            "pipeline.sources.reasoning.igsm.kernels.problems",
            "pipeline.sources.reasoning.igsm.kernels.rendering",
        ),
        verifier="pipeline.evaluate.checking.igsm.rules:VERIFIER",
        speed=35e6,
    )
)
