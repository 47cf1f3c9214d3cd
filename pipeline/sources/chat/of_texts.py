"""Conversations out of the texts of documents, for sources that have no outlines: rendered and encoded one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.documents import ROLES, Documents, Ragged, offsets_of
from pipeline.core.draws import I64, bits, scaled
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.notices import information
from pipeline.core.system.escaping import shortened
from pipeline.sources.chat.checks import looked_for
from pipeline.sources.chat.source import ChatSource
from pipeline.sources.lengths import sample_mean
from pipeline.sources.source import Context, Source, number_of
from pipeline.sources.spec import DocumentsSpec
from pipeline.text.encoding.engines import flat
from pipeline.text.encoding.fast_encoder import FastEncoder
from pipeline.text.offsets import tokens_within

OF_MESSAGES = {"system": "system", "user": "prompt", "assistant": "answer"}


class ChatOfTexts(ChatSource):
    """Conversations of a source whose documents are decoded first."""

    def __init__(self, spec: DocumentsSpec, inner: Source, context: Context) -> None:
        self._prepare(spec, inner, context)
        self._tokenizer = context.tokenizer
        self._encoder = FastEncoder.of(context.tokenizer, plain=False)
        own = {mark.token for mark in spec.marks} - {*self.chat.tokens}
        self._foreign = [token for token in context.tokenizer.special if token not in own]
        slow = information("slow path: conversations are rendered and encoded one by one, out of texts")
        self.notices = (*inner.notices, slow)
        self.labels = ("",)
        self.mean_tokens = sample_mean(self, 200, spread=True)

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which its last answer can be wrong: the answer of another item."""
        return ("other",) if len(self.inner) > 1 else ()

    def wrong(
        self, way: str, item: I64, exposure: I64, key: Key, attempt: int = 0
    ) -> tuple[Documents, list[list[tuple[str, str]]]]:
        """The conversations (d,), with parts, and their messages, whose last answer is that of another item."""
        messages, count = self.messages(item, exposure), len(self.inner)
        last = self.turns.items_of(item, exposure)[:, -1]
        away = 1 + scaled(bits(key.child(way, attempt), item, exposure), count - 1)
        others = self.inner.documents((last + away) % count, exposure, spans=False, parts=True)
        answers = [answer for _, answer in self._turns(others)]
        wrong = [[*of[:-1], (of[-1][0], answer)] for of, answer in zip(messages, answers, strict=True)]
        return self.encoded(wrong, True), wrong

    def messages(self, item: I64, exposure: I64) -> list[list[tuple[str, str]]]:
        """The (role, content) of each message of each document (d,)."""
        items = self.turns.items_of(item, exposure)
        n, at = items.shape[1], np.repeat(exposure, items.shape[1])
        inner = self.inner.documents(items.reshape(-1), at, spans=False, parts=True)
        refused = self.refused(items, exposure)
        systems, requests = self.chat.systems, self.chat.request
        answers = self.chat.refusals.answers if self.chat.refusals else []
        turns = self._turns(inner)
        texts = []
        for i in range(item.size):
            one = slice(i, i + 1)
            said = [systems[int(self.drawn("system", len(systems), item[one], exposure[one])[0])]] if systems else []
            for turn in range(n):
                place, k = items[i, turn : turn + 1], i * n + turn
                prompt, answer = turns[k]
                if requests:
                    prompt = requests[int(self.drawn("request", len(requests), place, exposure[one])[0])]
                if refused[i, turn]:
                    answer = answers[int(self.drawn("refusal wording", len(answers), place, exposure[one])[0])]
                said += [prompt, answer]
            texts.append(said)
        return self.contents(texts)

    def _turns(self, documents: Documents) -> list[tuple[str, str]]:
        """The prompt and the answer of each document, as texts."""
        assert documents.parts is not None, "they were asked for"
        cut: list[Sequence[int]] = []
        for i in range(len(documents)):
            first, last = documents.tokens.offsets[i : i + 2].tolist()
            ids = documents.tokens.values[first : last - 1].tolist()
            marked = documents.parts.values[documents.parts.offsets[i] : documents.parts.offsets[i + 1]].tolist()
            end = max((start + length for start, length, role in marked if ROLES[role] == "prompt"), default=0)
            cut += [ids[:end], ids[end:]]
        texts = [text.removeprefix(" ") for text in self._tokenizer.decode_all(cut)]
        return list(zip(texts[::2], texts[1::2], strict=True))

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        return self.encoded(self.messages(item, exposure), parts)

    def encoded(self, messages: Sequence[Sequence[tuple[str, str]]], parts: bool) -> Documents:
        """Conversations (d,) as documents: each rendered by the template, and encoded whole."""
        stretches = [self._stretches([content for _, content in of]) for of in messages]
        texts = ["".join(text for text, _ in of) for of in stretches]
        end = self._tokenizer.ids_of([self._tokenizer.eos_token])
        if not parts:
            return Documents(self._encoder.ids(texts).surrounded(end[:0], end))
        encodings = self._tokenizer.encodings(texts)
        tokens = flat(encodings, self._tokenizer.dtype).surrounded(end[:0], end)
        rows: list[list[tuple[int, int, int]]] = []
        closing = number_of("end") if self.frame.learned_end else number_of("template")
        for encoding, of, text in zip(encodings, stretches, texts, strict=True):
            ends = np.cumsum([len(part) for part, _ in of]).tolist()
            counts = tokens_within(encoding.offsets, text, ends).tolist()
            starts = np.cumsum([0, *counts]).tolist()
            of_row = [(start, count, role) for start, count, (_, role) in zip(starts, counts, of, strict=False)]
            rows.append([*of_row, (len(encoding), 1, closing)])
        marked = np.array([part for row in rows for part in row], np.int32).reshape(-1, 3)
        return Documents(tokens, None, Ragged(marked, offsets_of(np.array(list(map(len, rows)), np.int64))))

    def _stretches(self, contents: Sequence[str]) -> list[tuple[str, int]]:
        """A conversation as (text, role), in reading order."""
        out: list[tuple[str, int]] = []
        for number, runs in enumerate(self.frame.before):
            space = number < len(contents) and self.frame.spaced[number]
            out += [(run.text, number_of("end" if run.learned else "template")) for run in runs]
            if number == len(contents):
                break
            content = contents[number]
            if self.shape.trims and content != content.strip():
                raise SpecError(
                    f"the chat template trims contents, and {content!r} has white space at its end",
                    "Take a template without `trim`.",
                )
            if text := next((text for text in self.shape.absent if text in content), None):
                raise looked_for(text, f"{shortened(content)!r} holds it")
            if token := next((token for token in self._foreign if token in content), None):
                raise SpecError(
                    f"the content {shortened(content)!r} contains the special token {token!r}",
                    "Change the text, or let the template write another token.",
                    ("chat",),
                )
            out.append((" " * space + content, number_of(OF_MESSAGES[self.shape.roles[number]])))
        return out
