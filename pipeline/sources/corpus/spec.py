"""The keys of a corpus in a recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PrivateAttr, model_validator
from pydantic import Field as Key_

from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.spec import Rational, Spec, refused
from pipeline.sources.corpus.beside import Beside, name_of
from pipeline.sources.corpus.reading.choosing import Condition, Reading
from pipeline.sources.corpus.reading.copying import Order
from pipeline.sources.corpus.reading.index import Broken
from pipeline.sources.corpus.reading.row_template import RowTemplate
from pipeline.sources.corpus.reading.rows import Rows
from pipeline.sources.corpus.windows import WindowsSpec
from pipeline.sources.files.file import File
from pipeline.sources.files.known import Identity, content_of, identified
from pipeline.sources.files.places import files_of
from pipeline.sources.spec import DocumentsSpec

Scalar = str | bool | Rational


class ConditionSpec(Spec):
    """What the value of a column must be for a row to count; all that is given has to hold."""

    in_: list[Scalar] | None = Key_(None, alias="in", min_length=1, description="One of these.")
    not_: list[Scalar] | None = Key_(None, alias="not", min_length=1, description="None of these.")
    min: Rational | None = Key_(None, description="A number, this or more; compared as float64.")
    max: Rational | None = Key_(None, description="A number, this or less.")

    @model_validator(mode="after")
    def _says_something(self) -> ConditionSpec:
        if all(said is None for said in (self.in_, self.not_, self.min, self.max)):
            raise refused("it says nothing", "Write a value, a list, or some of in, not, min and max.")
        return self

    def condition(self) -> Condition:
        """The condition."""
        bounds = (None if bound is None else float(bound) for bound in (self.min, self.max))
        return Condition(_plain(self.in_), _plain(self.not_), *bounds)


def _plain(values: list[Scalar] | None) -> tuple[str | bool | float, ...]:
    return tuple(value if isinstance(value, str | bool) else float(value) for value in values or ())


def _condition(value: Any) -> Any:
    """`en` and `[en, de]` are short for `{in: [en, de]}`."""
    if isinstance(value, dict):
        listed = value.get("not")
        return value if listed is None or isinstance(listed, list) else {**value, "not": [listed]}
    return {"in": value if isinstance(value, list) else [value]}


Filter = Annotated[
    ConditionSpec, BeforeValidator(_condition, json_schema_input_type=Scalar | list[Scalar] | ConditionSpec)
]


class CorpusSpec(DocumentsSpec):
    """One document a row."""

    kind: Literal["corpus"]
    files: str | list[str] = Key_(
        exclude=True,
        description="A path, a pattern, a folder, a URL, or a list of these; files of one kind: .jsonl or .json (an "
        "object a line, or an array), .parquet, .txt (a document a line), .csv, .arrow; those of text also as .gz, "
        ".bz2, .xz or .zst.",
    )
    column: str = Key_("text", description="Where the text stands; nested ones with a point: meta.text.")
    template: str | None = Key_(None, description="Instead of a column, a Jinja2 template over the columns of a row.")
    where: dict[str, Filter] | None = Key_(
        None,
        min_length=1,
        description="Column → what it must be: a value, a list, or in, not, min, max. Other rows are none.",
    )
    broken: Broken = Key_("refuse", description="Rows without a text: refuse, or skip, which counts them.")
    identity: Identity = Key_(
        "content",
        description="What the fingerprint rests on: a hash of the contents, or names, sizes and ETags or times.",
    )
    order: Order = Key_("global", description="global: rows from all over; blocks: blocks of rows, read forwards.")
    split: WindowsSpec | None = Key_(
        None, description="Long rows as several documents; {tokens: 2048, overlap: 256}. Default: rows stay whole."
    )
    balance: Literal["sample", "exact"] = Key_(
        "sample", description="Whether shares count with the mean length of a sample of rows, or with that of all rows."
    )
    specials: Literal["text", "refuse"] = Key_(
        "text", description="Texts of special tokens in a row: encoded as any other text, or refused."
    )
    content: str | None = Key_(
        None, description="BLAKE3 of the files, filled in by itself; files that differ are refused."
    )
    _files: tuple[File, ...] = PrivateAttr(default=())
    _known_beside: Beside | None = PrivateAttr(default=None)

    def materialise(self, files: Files) -> Self:
        """The same with `content`, what names its files. SpecError if they are unreadable, or `content` differs."""
        named = [self.files] if isinstance(self.files, str) else self.files
        found = files_of(named, files)
        self._check(found)
        beside = self._beside(files)
        identified_files = identified(found, self.identity, beside.hash if beside else lambda _: None)
        if beside and content_of(identified_files) != self.content:
            identified_files = identified(found, self.identity)
        found = identified_files
        content = content_of(found)
        if self.content is not None and self.content != content:
            raise SpecError(
                f"the files are not those that the recipe was made with ({self.content})",
                "Name the right ones, or remove `content`.",
                ("content",),
                [("content",), ("files",)],
            )
        copy = self.model_copy(update={"content": content})
        copy._files, copy._known_beside = found, beside
        return copy

    @property
    def name_beside(self) -> str:
        """Where what is known of the files lies below the folder of a dataset. The spec is materialised."""
        return name_of(self.model_dump_json(by_alias=True))

    def _beside(self, files: Files) -> Beside | None:
        """What the dataset knows whose recipe this is; None where it is none of a dataset."""
        if self.content is None:
            return None
        path = files.folder_of((*files.path, "content")) / self.name_beside
        return Beside(path.absolute()) if path.is_file() else None

    def _check(self, found: tuple[File, ...]) -> None:
        """SpecError for a template that is none, and for columns of plain text."""
        template = RowTemplate.checked(self.template) if self.template is not None else None
        if template and self.column != type(self).model_fields["column"].default:
            both = [("template",), ("column",)]
            raise SpecError("texts come from a column or from a template", "", ("template",), both, exclusive=True)
        named = {*(template.columns if template else ()), *(self.where or ())} - {"text"}
        if found[0].kind == "text" and named:
            key = "where" if named & {*(self.where or ())} else "template"
            raise SpecError("lines of plain text have one column, 'text'", "Name no other.", (key,))

    def rows(self) -> Rows:
        """The documents. The spec is materialised."""
        assert self.content is not None, "the spec is materialised"
        return Rows(self._files, self._reading(), self.content, self.order, self.broken, self._known_beside)

    def _reading(self) -> Reading:
        column = "text" if self._files[0].kind == "text" else self.column
        where = tuple((name, one.condition()) for name, one in (self.where or {}).items())
        return Reading(column, RowTemplate(self.template) if self.template is not None else None, where)
