"""Chooses the fastest exact way from programs to documents.

fast path   fragments.py            pieces are tokenized at compile time; a document is a gather of them
slow path   render_and_encode.py    each document is rendered as text, and encoded whole
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.notices import Notice, information
from pipeline.text.compiler import Compiler
from pipeline.text.expressions import Expression, Program
from pipeline.text.fragments import Fragments
from pipeline.text.fusing import Uncuttable
from pipeline.text.outline import Choose
from pipeline.text.pieces import Piece
from pipeline.text.render_and_encode import Rendered
from pipeline.text.tokenizer import Tokenizer


class Renderer(Protocol):
    """Makes documents from outlines: `Fragments` gathers them, `Rendered` renders and encodes them."""

    def documents(
        self, count: int, longest: int | None, choose: Choose, *, spans: bool, parts: bool = False, wrong: int = 0
    ) -> Documents: ...

    def lengths(self, count: int, choose: Choose) -> I64 | None:
        """The number of tokens of each document, int64 (count,); None if only making them can tell."""
        ...

    def token_ids(self) -> I64 | None:
        """The ids that documents can have, int64 (n,), ascending; None if only encoding them can tell."""
        ...


def compile_programs(
    programs: Sequence[Program], tokenizer: Tokenizer, slots: int, prefix: Piece | None = None
) -> tuple[Fragments | Rendered, list[Notice]]:
    """The fastest renderer that is exact for all programs, and a notice if that is the slow path.

    slots: columns of an outline's rows. prefix: what every document begins with, or None.
    """
    compiler = Compiler(tokenizer, slots, prefix)
    try:
        for program in programs:
            if expressions := [part for part in program if isinstance(part, Expression)]:
                raise Uncuttable(f"{expressions[0].line.place} depends on several values at once")
            compiler.add([part for part in program if isinstance(part, Piece)])
        return compiler.finish(), []
    except Uncuttable as reason:
        if any(isinstance(part, Piece) and part.texts.codes for program in programs for part in program):
            raise SpecError(
                f"token ids that are given need fragments, but {reason}", "Take another tokenizer, or text."
            ) from None
        notice = information(f"slow path: documents are rendered and encoded one by one, because {reason}")
        return Rendered(tuple(map(tuple, programs)), tokenizer, prefix), [notice]
