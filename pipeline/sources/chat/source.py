"""Conversations out of a source's outlines, gathered like any other document.

    conversation ──turns──► documents of the source ──framing──► an outline with the template's words ──► tokens

What is drawn for a conversation (system prompt, questions, refusals) has keys of its own, so that documents stay what
they are without `chat`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64, bits, scaled, threshold
from pipeline.core.errors import SpecError, specified_at
from pipeline.core.key import Key
from pipeline.sources.abilities import Mistaken, Outlined
from pipeline.sources.chat.checks import check, check_absent, check_ends, known_of, requests_of, shape_of_chat
from pipeline.sources.chat.framing import Framing, Said, closing_role
from pipeline.sources.chat.turns import Turns
from pipeline.sources.files.file import File
from pipeline.sources.lengths import sample_mean
from pipeline.sources.source import Context, Source, mask_of
from pipeline.sources.spec import DocumentsSpec
from pipeline.text.chat.programs import begins_with_token, compile_chat, frame_of
from pipeline.text.chat.template import Shape
from pipeline.text.expressions import Program
from pipeline.text.outline import Choose, Outline
from pipeline.text.pieces import literal
from pipeline.text.render_and_encode import Rendered

UNLEARNED = ("system", "prompt", "template")
"""The roles without loss, where there is loss on the assistant's turns only."""


class ChatSource(Source):
    """What conversations of outlines and of texts have in common. inner: the source of their turns.

    shape: a conversation as its template writes it.
    """

    inner: Source
    shape: Shape
    turns: Turns
    conversing = True

    def _prepare(self, spec: DocumentsSpec, inner: Source, context: Context) -> None:
        """Everything but what its documents are made with. SpecError, `at` below the source, for what does not fit."""
        assert spec.chat is not None, "it is a chat"
        self.inner, self.chat, self._key = inner, spec.chat, context.key.child("chat")
        self.asked = "prompt" in inner.roles
        check(spec, inner)
        with specified_at("chat"):
            self.turns = Turns.of(spec.chat, inner, self._key)
            self.shape = shape_of_chat(spec.chat, context.tokenizer)
            self.frame = frame_of(self.shape, context.tokenizer, self._spaces())
            self.knows = known_of(spec.chat, inner)
        self.ended = not any(
            run.token and run.text == context.tokenizer.eos_token for runs in self.frame.before for run in runs
        )
        if not self.ended and spec.ended:
            raise SpecError(
                f"the chat template writes the end token {context.tokenizer.eos_token} inside of a conversation",
                "Write it as {{ eos_token }}, or name another with tokenizer.eos.",
                ("chat", "template"),
            )
        self.labels, self.world, self.origin = inner.labels, inner.world, inner.origin
        written = ("system",) * bool(spec.chat.systems) + ("template", "end")
        own = ("prompt",) * (not self.asked) + ("answer",) * ("answer" not in inner.roles)
        self.roles = tuple(dict.fromkeys((*inner.roles, *own, *written)))
        implied = UNLEARNED if spec.chat.loss == "assistant" else ()
        self.mask = tuple(dict.fromkeys((*(r for r in implied if r in self.roles), *mask_of(spec, self.roles))))
        self.exposures = inner.exposures if spec.chat.turns == 1 else 1
        if spec.chat.turns == 1 and spec.chat.refusals is None:  # then it states what the source states
            for name in ("people", "shown", "unknown", "variants"):
                if hasattr(inner, name):
                    setattr(self, name, getattr(inner, name))
            if hasattr(self, "variants"):
                self.variants = None

    def _spaces(self) -> bool:
        """Whether the space that a template writes before a content may become the content's own."""
        if not isinstance(self.inner, Outlined):
            return True
        return not begins_with_token(self.inner.programs, self.inner.never_first)

    def __len__(self) -> int:
        return len(self.turns)

    @property
    def files(self) -> tuple[File, ...]:
        """Those of the source whose documents are the conversations."""
        return self.inner.files

    def individuals(self, item: I64) -> I64:
        return self.inner.individuals(self.turns.items_of(item, np.zeros_like(item))[:, 0])

    def topics(self, item: I64) -> list[str]:
        return self.inner.topics(item) if self.turns.count == 1 else [""] * item.size

    def drawn(self, name: str, count: int, *counters: I64) -> I64:
        """One of `count` wordings for each row of the counters: int64 (d,)."""
        return scaled(bits(self._key.child(name), *counters), count)

    def refused(self, items: I64, exposure: I64) -> np.ndarray:
        """Whether the answer of each turn (d, n) is refused: bool (d, n)."""
        if self.knows is None or self.chat.refusals is None:
            return np.zeros(items.shape, bool)
        flat, at = items.reshape(-1), np.repeat(exposure, items.shape[1])
        people = self.inner.individuals(flat)
        unknown = (people < self.knows.start) | (people >= self.knows.stop)
        coin = bits(self._key.child("refusal"), flat, at) < threshold(self.chat.refusals.rate)
        return (unknown & coin).reshape(items.shape)

    def contents(self, documents: Sequence[Sequence[str]]) -> list[list[tuple[str, str]]]:
        """The messages of conversations, from the texts of their contents in order."""
        return [list(zip(self.shape.roles, texts, strict=True)) for texts in documents]


class Chat(ChatSource):
    """Conversations of a source that has outlines."""

    def __init__(self, spec: DocumentsSpec, inner: Source, context: Context) -> None:
        """inner: the source that `spec` describes without `chat`. SpecError, `at` below the spec."""
        assert isinstance(inner, Outlined)
        self._prepare(spec, inner, context)
        chat = self.chat
        with specified_at("chat"):
            requests = requests_of(chat, inner, str(getattr(spec, "language", "en")))
            answers = chat.refusals.answers if chat.refusals else []
            texts: list[Program] = [[literal(text)] for text in (*chat.systems, *answers)]
            own = len(inner.programs)
            self._systems = own, len(chat.systems)
            self._refusals = own + len(chat.systems), len(answers)
            self._requests = own + len(texts), len(requests)
            contents = [*inner.programs, *texts, *requests]
            if self.shape.trims:
                check_ends(contents)
            check_absent(contents, self.shape.absent)
            self._programs, notices = compile_chat(
                contents, self.frame, context.tokenizer, inner.slots, inner.never_first
            )
        self._framing = Framing(self._programs, self.asked)
        self._rendered = Rendered(tuple(map(tuple, contents)), context.tokenizer)
        self.notices = tuple(dict.fromkeys((*inner.notices, *notices)))
        self.mean_tokens = sample_mean(self, spread=True)

    @property
    def outlined(self) -> Outlined:
        """The source of the turns."""
        assert isinstance(self.inner, Outlined)
        return self.inner

    def token_ids(self) -> I64 | None:
        return self._programs.renderer.token_ids()

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """The number of tokens of each document, int64 (d,); None if only making the documents can tell."""
        return self._programs.renderer.lengths(item.size, self._choose(item, exposure))

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        return self._documents(item.size, self._choose(item, exposure), spans, parts)

    def _documents(self, count: int, choose: Choose, spans: bool, parts: bool) -> Documents:
        renderer, wrong = self._programs.renderer, self.outlined.wrong_label
        documents = renderer.documents(count, None, choose, spans=spans, parts=parts, wrong=wrong)
        if documents.parts is None:
            return documents
        closed = _with_end(documents.parts, documents.tokens.lengths, closing_role(self._programs))
        return Documents(documents.tokens, documents.spans, closed)

    def _choose(self, item: I64, exposure: I64) -> Choose:
        return lambda chunk: self._framed(item[chunk], exposure[chunk], self.outlined.outline)

    def _framed(
        self, item: I64, exposure: I64, outline: Callable[[I64, I64], Outline], *, answered: bool = False
    ) -> Outline:
        """The outline of conversations. answered: whether the last answer is never refused."""
        items = self.turns.items_of(item, exposure)
        inner = outline(items.reshape(-1), np.repeat(exposure, items.shape[1]))
        said = self._said(item, exposure, items)
        if answered:
            said.refusals[:, -1] = -1
        return self._framing.outline(inner, said)

    def _said(self, item: I64, exposure: I64, items: I64) -> Said:
        """What is said beside the sentences of documents."""
        flat, at = items.reshape(-1), np.repeat(exposure, items.shape[1])
        refusals = self._own("refusal wording", self._refusals, flat, at).reshape(items.shape)
        refusals = np.where(self.refused(items, exposure), refusals, -1).astype(np.int32)
        requests = self._own("request", self._requests, flat, at).reshape(items.shape)
        return Said(self._own("system", self._systems, item, exposure), requests, refusals)

    def _own(self, name: str, run: tuple[int, int], *counters: I64) -> I32:
        """The number of a program of a run (first, count) for each row of the counters; -1 if the run is empty."""
        first, count = run
        if not count:
            return np.full(counters[0].size, -1, np.int32)
        return (first + self.drawn(name, count, *counters)).astype(np.int32)

    def messages(self, item: I64, exposure: I64) -> list[list[tuple[str, str]]]:
        """The (role, content) of each message of each document (d,)."""
        return self._messages(self._framed(item, exposure, self.outlined.outline))

    def _messages(self, outline: Outline) -> list[list[tuple[str, str]]]:
        return self.contents([self._texts(outline, i) for i in range(len(outline))])

    def _texts(self, outline: Outline, document: int) -> list[str]:
        """The text of each content of a conversation."""
        bare, runs = self._programs.bare, self._programs.runs
        texts: list[str] = []
        within = False
        for j in range(int(outline.first[document]), int(outline.first[document + 1])):
            program = int(outline.programs[j])
            if program >= runs:
                within = False
                continue
            if not within:
                texts.append("")
            within = True
            texts[-1] += self._rendered.sentence(program % bare, outline.rows[outline.facts[j]])
        return [text.removeprefix(" ") for text in texts]

    # ── wrong answers ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which its last answer can be wrong."""
        return self.inner.ways if isinstance(self.inner, Mistaken) else ()

    def wrong(
        self, way: str, item: I64, exposure: I64, key: Key, attempt: int = 0
    ) -> tuple[Documents, list[list[tuple[str, str]]]]:
        """The conversations (d,), with parts, and their messages, whose last answer is wrong in this way.

        Where the right answer is to admit not to know, any other is wrong.
        """

        def outline(items: I64, exposures: I64) -> Outline:
            assert isinstance(self.inner, Mistaken)
            right, n = self.outlined.outline(items, exposures), self.turns.count
            last = np.arange(n - 1, items.size, n)
            other = self.inner.wrong_outline(way, items[last], exposures[last], key, attempt)
            order = np.arange(items.size)
            order[last] = items.size + np.arange(last.size)
            return right.followed_by(other).take(order)

        framed = self._framed(item, exposure, outline, answered=True)
        return self._documents(item.size, framed.slice, False, True), self._messages(framed)


def _with_end(parts: Ragged, lengths: I64, role: int) -> Ragged:
    """The parts of conversations, with the end token as one more of this role."""
    ends = parts.offsets[1:]
    rows = np.column_stack([lengths - 1, np.ones_like(lengths), np.full_like(lengths, role)]).astype(np.int32)
    return Ragged(np.insert(parts.values, ends, rows, axis=0), offsets_of(parts.lengths + 1))
