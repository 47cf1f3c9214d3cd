"""The keys of `chat:`, by which a source's documents become conversations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PrivateAttr, model_validator
from pydantic import Field as Key_

from pipeline.core.errors import SpecError, suggest
from pipeline.core.files import Files, Text, library
from pipeline.core.spec import Name, Rational, Spec, refused
from pipeline.core.system.open_files import contents

MOST_BYTES = 2**20  # of a template
OWN = "tokenizer"  # the name of the template that stands beside a tokenizer.json
_TOKENS = re.compile(r"\{#-?\s*tokens:(.*?)-?#\}", re.DOTALL)


class RefusalsSpec(Spec):
    """Answers that admit not to know, about individuals who are not in the known group."""

    known: Name = Key_(description="The group of the world that is known: about the others, answers are refused.")
    rate: Rational = Key_(
        Fraction(1), gt=0, le=1, description="How many answers about the others are refused; the rest are right."
    )
    answers: list[str] = Key_(
        ["I do not know."], min_length=1, description="The wordings of a refusal; one is drawn for each answer."
    )


def _template(value: Any) -> Any:
    return {"template": value} if isinstance(value, str) else value


class ChatSpec(Spec):
    """Documents as conversations: prompts are what the user says, answers what the assistant says."""

    template: str = Key_(
        description="A chat template: the name of one of the library (chatml, llama3, plain), `tokenizer` for the "
        "tokenizer's own, a file such as my.jinja, or the Jinja2 text itself."
    )
    tokens: list[Annotated[str, Key_(min_length=1)]] = Key_(
        [], description="Special tokens that the template writes, which are added to the tokenizer."
    )
    variables: dict[Name, str | bool | int] = Key_(
        {}, description="What else the template may show or ask for, such as {enable_thinking: false}."
    )
    system: str | list[str] = Key_(
        [], description="System prompts, a list or a file with one a line; one is drawn for each conversation."
    )
    turns: int = Key_(1, ge=1, le=64, description="How many questions a conversation has.")
    about: Literal["one", "several"] = Key_(
        "one", description="Whether all its questions are about one individual. (Problems are always several.)"
    )
    request: list[str] = Key_(
        [], description="What the user says where documents have no prompt: `Tell me about {{ name }}.`"
    )
    refusals: RefusalsSpec | None = Key_(None, description="Answers that admit not to know. Default: none.")
    loss: Literal["assistant", "all"] = Key_(
        "assistant", description="Where there is loss: on what the assistant says and the token that ends its turn."
    )
    _places: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _texts(self) -> Self:
        lists = {"system": self.system, "request": self.request}
        lists |= {"refusals": self.refusals.answers} if self.refusals else {}
        for name, texts in lists.items():
            for i, text in enumerate(texts if isinstance(texts, list) else ()):
                at = ("refusals", "answers", i) if name == "refusals" else (name, i)
                if not text.strip() or text != text.strip():
                    raise refused(f"the text {text!r} is empty, or has white space at an end", "Write it without.", at)
        return self

    def materialise(self, files: Files) -> Self:
        """The same with the template as text, its tokens, and the system prompts. SpecError for what is not there."""
        template, tokens = self.template, self.tokens
        if template != OWN and not re.search(r"\{[{%]", template):
            template = _read(template, files)
        if declared := _TOKENS.search(template):
            tokens = list(dict.fromkeys([*declared[1].split(), *tokens]))
        system = self.system
        if isinstance(system, str):
            system = [line.text.strip() for line in files.whole_lines(system, "system")]
        copy = self.model_copy(update={"template": template, "tokens": tokens, "system": system})
        copy._places = tuple(files.place("request", i) for i in range(len(self.request)))
        return copy

    def with_own(self, template: str, variables: Mapping[str, str]) -> Self:
        """The same with the tokenizer's own template, and with what that may show where nothing else is said."""
        return self.model_copy(update={"template": template, "variables": {**variables, **self.variables}})

    @property
    def systems(self) -> list[str]:
        """The system prompts of a materialised spec."""
        assert isinstance(self.system, list), "materialise comes first"
        return self.system

    @property
    def writes_end(self) -> bool:
        """Whether the template writes the end token, which then may stand inside of a conversation."""
        return self.turns > 1 and "eos_token" in self.template

    def requests(self) -> list[Text]:
        """What the user says, with the place of each."""
        places = self._places or ("",) * len(self.request)
        return [Text(*pair) for pair in zip(self.request, places, strict=True)]


Chat = Annotated[ChatSpec, BeforeValidator(_template, json_schema_input_type=str | ChatSpec)]


def _read(name: str, files: Files) -> str:
    """The text of a template in a file, or of one of the library."""
    known = sorted(path.stem for path in (library("templates") / "chat").glob("*.jinja"))
    if name in known:
        path = library("templates") / "chat" / f"{name}.jinja"
    elif name.endswith((".jinja", ".j2")):
        path = files.find(name, "templates", "template")
    else:
        remedy = f"{suggest(name, [*known, OWN])} A file ends in .jinja; a text has braces."
        raise SpecError(f"no chat template '{name}'", remedy, ("template",))
    try:
        return contents(path, MOST_BYTES).decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the chat template {name}: {error}", "", ("template",)) from None
