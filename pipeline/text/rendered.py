"""The slow path, for what cannot be proved: put the text of each document together, and encode it whole.

It takes the same programs as the fast path and has the same face, so a source does not know which one it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32
from pipeline.core.errors import SpecError
from pipeline.text.fields import Piece
from pipeline.text.fragments import Compiler, Uncuttable
from pipeline.text.templates import Expression
from pipeline.text.tokenizer import Tokenizer

Program = Sequence[Piece | Expression]
Choose = Callable[[slice], tuple[I32, I32]]
CHUNK = 1024


class Teller(Protocol):
    """Programs to documents: `Fragments` gathers them, `Rendered` renders and encodes them."""

    def documents(self, count: int, longest: int, choose: Choose, *, spans: bool) -> Documents: ...


def compile_programs(programs: Sequence[Program], tokenizer: Tokenizer) -> tuple[Teller, list[str]]:
    """The fastest teller that is exact for all the programs, and a notice where that is the slow one."""
    compiler = Compiler(tokenizer)
    try:
        for program in programs:
            if expressions := [part for part in program if isinstance(part, Expression)]:
                raise Uncuttable(f"{expressions[0].line.place} depends on several values at once")
            compiler.add([part for part in program if isinstance(part, Piece)])
        return compiler.finish(), []
    except Uncuttable as reason:
        notice = f"slow path: documents are rendered and encoded one by one, because {reason}"
        return Rendered(tuple(map(tuple, programs)), tokenizer), [notice]


@dataclass(frozen=True)
class Rendered:
    """Programs as they are, and the tokenizer."""

    programs: tuple[Program, ...]
    tokenizer: Tokenizer

    def documents(self, count: int, longest: int, choose: Choose, *, spans: bool) -> Documents:
        """As `Fragments.documents`; `longest` is not needed."""
        ids: list[list[int]] = []
        found: list[np.ndarray[Any, np.dtype[np.int32]]] = []
        for first in range(0, count, CHUNK):
            programs, rows = choose(slice(first, min(first + CHUNK, count)))
            told = [self._tell(programs[i], rows[i].tolist()) for i in range(len(programs))]
            encodings = self.tokenizer.encodings([text for text, _ in told])
            for encoding, (text, values) in zip(encodings, told, strict=True):
                if any(token in text for token in self.tokenizer.special):
                    raise SpecError(f"the document {text!r} contains the text of a special token")
                ids.append([*encoding.ids, self.tokenizer.eos])
                if spans:
                    found.append(_token_spans(encoding.offsets, values))
        tokens = np.array([token for document in ids for token in document], self.tokenizer.dtype)
        ragged = Ragged(tokens, offsets_of(np.array([len(document) for document in ids], np.int64)))
        if not spans:
            return Documents(ragged)
        starts = offsets_of(np.array([len(rows) for rows in found], np.int64))
        return Documents(ragged, Ragged(np.concatenate([np.empty((0, 3), np.int32), *found]), starts))

    def _tell(self, programs: I32, rows: Sequence[int]) -> tuple[str, list[tuple[int, int, int]]]:
        """The text of one document and its values: (first character, end, label), neighbours of one label joined."""
        at = dict(enumerate(rows))
        text = ""
        values: list[tuple[int, int, int]] = []
        for program in programs:
            text += " "
            for part in self.programs[program]:
                shown = part.render(at) if isinstance(part, Expression) else part.texts.rows[at[part.slot]]
                if part.label and shown:
                    first = values.pop()[0] if values and values[-1][1:] == (len(text), part.label) else len(text)
                    values.append((first, len(text) + len(shown), part.label))
                text += shown
        return text, values


def _token_spans(
    offsets: Sequence[tuple[int, int]], values: Sequence[tuple[int, int, int]]
) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Rows (start, length, label) in tokens: all tokens that show a character of the value."""
    rows = []
    for first, last, label in values:
        tokens = [i for i, (begin, end) in enumerate(offsets) if begin < last and end > first]
        if tokens:
            rows.append((tokens[0], tokens[-1] + 1 - tokens[0], label))
    return np.array(rows, np.int32).reshape(-1, 3)
