"""Documents of a function of your own, in a Python file beside the recipe.

    def addition(rng, options):                     rng draws by (source, item, variant): item 17 is the same anywhere
        a, b = rng.integers(0, 10**options.digits, 2)
        return {"prompt": f"{a} + {b} =", "answer": f" {a + b}"}

The file runs where the user has said `--allow-code`, and nowhere else. Its content, not its place, is part of the
fingerprint; workers get its text with the plan.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import PrivateAttr, field_serializer

from pipeline.core.documents import ROLES, Documents
from pipeline.core.draws import I64
from pipeline.core.errors import CodeError, SpecError, TokenizerError
from pipeline.core.files import Files
from pipeline.core.notices import information
from pipeline.core.permutation import Permutation
from pipeline.core.spec import Name, Size
from pipeline.core.system.open_files import expanded
from pipeline.sources.lengths import SAMPLE
from pipeline.sources.own.calling import CHUNK, Function
from pipeline.sources.own.code import Code
from pipeline.sources.own.encoding import Encoder
from pipeline.sources.own.returned import Made, Reader
from pipeline.sources.own.sampling import check_same, sample_of
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, Source, mask_of
from pipeline.sources.spec import DocumentsSpec, Variants
from pipeline.text.symbols import Alphabet

ENDLESS = 2**39  # items, if the recipe does not say how many
LARGEST = 10**300  # of numbers that are written as floats


class PythonSpec(DocumentsSpec):
    """Documents of a function."""

    kind: Literal["python"]
    file: str | None = Key_(
        None, min_length=1, exclude=True, description="The Python file. It runs with `--allow-code` alone."
    )
    function: Name = Key_(description="Its function: f(rng, options) for one item, f(rng, options, items) for many.")
    items: Size | None = Key_(None, description="How many there are. Default: without end.")
    options: dict[str, Any] = Key_(
        {}, description="Its options: what the class has that its argument is annotated with."
    )
    variants: Variants = Key_(1, description="Documents of an item that differ, in turn, or fresh at each exposure.")
    eos: bool = Key_(True, description="Close each document with the end token.")
    alphabet: Name | None = Key_(None, description="Of symbols: sources with one share its ids. Default: the function.")
    content: str | None = Key_(
        None, description="BLAKE3 of the file, filled in by itself; a file that differs is refused."
    )
    _code: Code | None = PrivateAttr(default=None)
    _names: tuple[str, ...] | None = PrivateAttr(default=None)

    @field_serializer("options")
    def _as_numbers(self, options: dict[str, Any]) -> Any:
        return _plain(options)

    @property
    def ended(self) -> bool:
        return self.eos

    @property
    def symbols(self) -> Alphabet | None:
        return None if self._names is None or self.alphabet is None else (self.alphabet, self._names)

    def portable(self) -> PythonSpec:
        """The same without the file: the recipe of a dataset names no code that could run."""
        return self if self.file is None else self.model_copy(update={"file": None})

    def saved_code(self) -> str | None:
        """The text of the file, which a dataset keeps for its readers."""
        return None if self._code is None else self._code.text

    def materialise(self, files: Files) -> Self:
        """The same with the text of its file. SpecError where it may not run, or cannot, or its options are wrong.

        The recipe of a dataset names no file: then nothing is read, and nothing can be planned.
        """
        if self.file is None:
            if self.content is None:
                raise SpecError("'file' is missing", "Write `file: …`, a Python file.", (), lacking=True)
            return self
        if not files.allow_code:
            raise SpecError(
                f"this runs the code of {self.file}, and code is never run unasked",
                "Read that file. If it may run: --allow-code, and in Python allow_code=True.",
                ("file",),
            )
        absolute = os.path.isabs(expanded(self.file))
        path = expanded(self.file) if absolute else files.find(self.file, "recipes", "file")
        code = Code.read(path, PurePath(self.file).name or self.file)
        if self.content is not None and self.content != code.content:
            raise SpecError(
                f"{code.name} is not the file that the recipe was made with ({self.content})",
                "Name the right one, or remove `content`.",
                ("content",),
                [("content",), ("file",)],
            )
        code.check_alone(path.absolute().parent)
        function = Function(code, self.function, self.options)
        if function.symbols is None and self.alphabet:
            raise SpecError(
                f"{function.shown} makes texts, and these have no alphabet",
                "Remove `alphabet`, or write SYMBOLS = […] in the file.",
                ("alphabet",),
            )
        alphabet = (self.alphabet or self.function) if function.symbols else None
        copy = self.model_copy(update={"content": code.content, "alphabet": alphabet})
        copy._code, copy._names = code, function.symbols
        return copy


class Python(Source):
    """An item is a call of the function, or a row of one. Its text is compiled where it is first used."""

    def __init__(self, spec: PythonSpec, context: Context) -> None:
        if spec._code is None:
            raise SpecError(
                "the code of this source is not here: a dataset's recipe names no file",
                "Read what the dataset keeps in code/; then name yours by `file`, or --set, and say --allow-code.",
                ("file",),
                lacking=True,
            )
        self._spec, self._key = spec, context.key
        self.exposures = (spec.variants if isinstance(spec.variants, int) else None) if spec.items else None
        ids = None
        if spec.symbols is not None:
            names = context.symbols.tokens(spec.symbols[0])[: len(spec.symbols[1])]
            ids = context.tokenizer.ids_of(names)
        self._encoder = Encoder.of(context.tokenizer, ids, spec.tag, spec.eos)
        tried = sample_of(len(self), context.key)
        check_same(self._function, context.key, tried, self._variant(np.arange(tried.size)))
        sample = Permutation(len(self), context.key.child("sample"))(np.arange(min(SAMPLE, len(self)), dtype=np.int64))
        self._describe(np.union1d(sample, tried))
        documents = self.documents(sample, np.zeros_like(sample), spans=False)
        self.mean_tokens = Fraction(len(documents.tokens.values), len(documents))
        near = f"its mean length is that of {SAMPLE:,} of its documents, so shares are near, not exact"
        self.notices = (information(near),) if len(self) > SAMPLE else ()

    def __len__(self) -> int:
        return self._spec.items or ENDLESS

    @property
    def _function(self) -> Function:
        """The function, made once in each process."""
        made: Function | None = self.__dict__.get("_made_function")
        if made is None:
            assert self._spec._code is not None, "the source was compiled"
            made = self.__dict__["_made_function"] = Function(self._spec._code, self._spec.function, self._spec.options)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_made_function"}

    def _describe(self, item: I64) -> None:
        """Set roles and labels: those that the file names, and those of these items."""
        reader = Reader(self._function.symbols, self._function.labels)
        made = self._function.made(self._key, item, np.zeros_like(item), reader)
        present = {ROLES[role] for role in np.unique(made.roles).tolist()} | ({"tag"} if self._spec.tag else set())
        self.roles = tuple(role for role in ROLES[1:] if role in present)
        self.labels = self._function.labels or tuple(sorted(made.names))
        self.mask = mask_of(self._spec, self.roles)

    def token_ids(self) -> I64 | None:
        return self._encoder.token_ids()

    def topics(self, item: I64) -> list[str]:
        """The topic that the function gives each document at exposure 0."""
        return self._made(item, np.zeros_like(item)).topics

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The documents of `item` (d,). CodeError, naming the item, where the function fails."""
        firsts = range(0, max(item.size, 1), CHUNK)
        chunks = [(item[first : first + CHUNK], exposure[first : first + CHUNK]) for first in firsts]
        return Documents.concat([self._documents(*chunk, spans, parts) for chunk in chunks])

    def _documents(self, item: I64, exposure: I64, spans: bool, parts: bool) -> Documents:
        try:
            documents = self._encoder.documents(self._made(item, exposure), spans=spans, parts=parts)
        except CodeError:
            raise
        except (SpecError, TokenizerError) as error:  # of the first text that cannot be encoded
            for row in range(item.size) if item.size > 1 else ():
                self._documents(item[row : row + 1], exposure[row : row + 1], spans, parts)
            place = f"{self._function.shown} at item {item[0]}"
            if isinstance(error, TokenizerError):
                raise TokenizerError(error.problem, error.remedy, place) from None
            raise CodeError(f"{place}: {error.problem}", error.remedy, ("function",)) from None
        empty = np.flatnonzero(documents.tokens.lengths <= len(self._encoder.lead) + len(self._encoder.trail))
        if empty.size:
            problem = f"{self._function.shown} at item {item[empty[0]]}: the document is empty"
            raise CodeError(problem, "Return at least one character, or one symbol.", ("function",))
        return documents

    def _made(self, item: I64, exposure: I64) -> Made:
        reader = Reader(self._function.symbols, self.labels)
        return self._function.made(self._key, item, self._variant(exposure), reader)

    def _variant(self, exposure: I64) -> I64:
        """The variant at each exposure, (d,)."""
        variants = self._spec.variants
        return exposure % variants if isinstance(variants, int) else exposure


def _plain(value: Any) -> Any:
    """Options as JSON: a number with a point is one there, unless that changes its digits."""
    if isinstance(value, Fraction):
        near = float(value) if abs(value) < LARGEST else None
        return near if near is not None and Fraction(repr(near)) == value else str(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


register(
    SourceKind(
        "python",
        PythonSpec,
        Python,
        "documents of a function of your own, in a Python file",
        kernels=("pipeline.core.kernels.generator",),
        verifier="pipeline.evaluate.checking.own:VERIFIER",
        speed=1e6,
    )
)
