"""The keys that sources have in a recipe: those of all, and those of sources about the individuals of a world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Key_

from pipeline.core.spec import Name, Spec, refused
from pipeline.sources.chat.spec import Chat
from pipeline.text.pieces import Piece, literal, special
from pipeline.text.symbols import Alphabet

Variants = Annotated[int, Key_(ge=1, le=2**31 - 1)] | Literal["fresh"]
Role = Literal[
    "tag", "prompt", "hint", "answer", "mistake", "weak", "silent", "back", "attempt", "system", "template", "end"
]


class MarkSpec(Spec):
    """A marker inside documents: one special token, which is added to the tokenizer, or plain text."""

    token: str | None = Key_(None, min_length=1, description="One special token.")
    text: str | None = Key_(None, min_length=1, description="Text, tokenized as any other, a space before it.")

    @classmethod
    def of(cls, token: str) -> MarkSpec:
        """The mark with this special token."""
        return cls(token=token)

    @model_validator(mode="after")
    def _one_of_both(self) -> MarkSpec:
        if (self.token is None) == (self.text is None):
            if self.token is None:
                raise refused("a mark is either a token or a text", "Write one of the two.")
            raise refused("a mark is either a token or a text, not both", among=[("token",), ("text",)], exclusive=True)
        return self

    def piece(self) -> Piece:
        """The mark as a piece of a template."""
        return special(self.token) if self.token is not None else literal(self.text or "")


def _mark(value: Any) -> Any:
    return {"token": value} if isinstance(value, str) else value


Mark = Annotated[MarkSpec, BeforeValidator(_mark, json_schema_input_type=str | MarkSpec)]


class DocumentsSpec(Spec):
    """The keys that every source has."""

    if TYPE_CHECKING:
        kind: str  # each spec declares it itself, a Literal of its names, at its place among the keys

    tag: Mark | None = Key_(
        None, description="What each document begins with, such as <Wikipedia.org>: a special token, or {text: …}."
    )
    mask: list[Role] = Key_([], description="Parts of documents on which there is no loss, such as prompt or mistake.")
    chat: Chat | None = Key_(
        None, description="Documents as conversations, by a chat template: its name alone, or {template: …}."
    )

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        """Every mark that its documents may contain."""
        of_chat = [MarkSpec.of(token) for token in self.chat.tokens] if self.chat else []
        return (*((self.tag,) if self.tag else ()), *of_chat)

    @property
    def credits(self) -> tuple[str, ...]:
        """What of it a language model wrote, and which: a line each, for the card. They change no byte of a shard."""
        return ()

    @property
    def ended(self) -> bool:
        """Whether every document ends with the end token, and has no other."""
        return self.chat is None or not self.chat.writes_end

    @property
    def symbols(self) -> Alphabet | None:
        """The alphabet of its tokens that are symbols rather than text; None where there are none."""
        return None

    def portable(self) -> DocumentsSpec:
        """The spec as the recipe of a dataset has it."""
        return self

    def saved_code(self) -> str | None:
        """The text of the Python file that makes its documents, which a dataset keeps; None where there is none."""
        return None


class AboutSpec(DocumentsSpec):
    """The keys of a source about the individuals of a world."""

    world: Name = Key_(description="The world whose individuals its documents are about.")
    only: Name | None = Key_(None, description="A group of the world; default: everybody.")
