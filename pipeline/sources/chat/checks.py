"""What is looked at before documents become conversations: the template, the keys, and what goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from pipeline.core.errors import SpecError, specified_at
from pipeline.core.files import Text
from pipeline.sources.chat.spec import ChatSpec
from pipeline.sources.source import Source
from pipeline.sources.spec import DocumentsSpec
from pipeline.text.chat.template import Shape, shape_of
from pipeline.text.expressions import Expression, Program
from pipeline.text.templates import pieces
from pipeline.text.tokenizer import Tokenizer


def shape_of_chat(chat: ChatSpec, tokenizer: Tokenizer) -> Shape:
    """How the template writes a conversation. SpecError, `at` below the chat."""
    roles = ("system",) * bool(chat.systems) + ("user", "assistant") * chat.turns
    variables: dict[str, Any] = {"eos_token": tokenizer.eos_token, "pad_token": tokenizer.pad_token or ""}
    with specified_at("template"):
        return shape_of(chat.template, roles, {**variables, **chat.variables, "tools": None})


def check(spec: DocumentsSpec, inner: Source) -> None:
    """SpecError for keys that do not fit together, or a source whose documents cannot be conversations."""
    assert spec.chat is not None
    if spec.tag:
        problem = "a conversation begins as its template says, and not with a tag"
        raise SpecError(problem, "Write the tag into a system prompt.", ("tag",), [("tag",), ("chat",)], exclusive=True)
    if spec.symbols:
        raise SpecError("symbols are no texts that a chat template could write", "Leave it out.", ("chat",))
    asked, requests = "prompt" in inner.roles, spec.chat.request
    if asked and requests:
        raise SpecError("its documents have prompts of their own", "Leave it out.", ("chat", "request"))
    if not asked and not requests:
        remedy = "Write `request: [a text]`: what the user says, such as `Tell me about {{ name }}.`"
        raise SpecError("its documents have no prompt, so the user says nothing", remedy, ("chat",))


def known_of(chat: ChatSpec, inner: Source) -> range | None:
    """The individuals that are known; None without refusals. SpecError where nobody is unknown."""
    if chat.refusals is None:
        return None
    if inner.world is None:
        raise SpecError("its documents are about no world, so nobody is unknown", "Leave it out.", ("refusals",))
    with specified_at("refusals", "known"):
        known = inner.world.members(chat.refusals.known)
    people: range = getattr(inner, "people", range(inner.world.size))
    if known.start <= people.start and people.stop <= known.stop:
        raise SpecError(
            f"all individuals that it is about are in '{chat.refusals.known}', so no answer is refused",
            "Name a smaller group, or let the source be about more.",
            ("refusals", "known"),
            [("refusals", "known"), ("..", "only")],
        )
    return known


def requests_of(chat: ChatSpec, inner: Source, language: str) -> list[Program]:
    """The programs of requests. TemplateError for one that is no template of the source's world."""
    scope = inner.world.fields_in(language) if inner.world else {}
    owner = f"world '{inner.world.name}'" if inner.world else "a source without a world"
    return [pieces(Text(line.text, line.place), scope, owner) for line in chat.requests()]


def check_ends(contents: Sequence[Program]) -> None:
    """SpecError if a content can have white space at an end, which the template takes away."""
    for program in contents:
        for parts in (program, program[::-1]):
            for part in parts:
                if isinstance(part, Expression):
                    raise SpecError(
                        f"the chat template trims contents, and {part.line.place} may begin or end with white space",
                        "Take a template without `trim`.",
                        ("template",),
                    )
                rows = part.texts.rows
                side = 0 if parts is program else -1
                if bad := next((row for row in rows if row and row[side].isspace()), None):
                    raise SpecError(
                        f"the chat template trims contents, and {bad!r} has white space at its end",
                        "Take a template without `trim`, or remove the white space.",
                        ("template",),
                    )
                if all(rows):
                    break


def check_absent(contents: Sequence[Program], absent: Sequence[str]) -> None:
    """SpecError if a content could hold one of these texts, for which the template looks.

    None does if it has a character that no piece of the contents has, however these are put together.
    """
    characters: set[str] = set()
    tables = set()
    for part in chain.from_iterable(contents if absent else ()):
        if isinstance(part, Expression):
            raise looked_for(absent[0], f"what {part.line.place} shows is not known ahead")
        tables.add(part.texts)  # by identity: many programs show the same table
    for table in tables:
        characters.update(*table.rows)
    for text in absent:
        if characters.issuperset(text):
            raise looked_for(text, "these may hold it")


def looked_for(text: str, why: str) -> SpecError:
    """The refusal of contents for a text that the template looks for in them."""
    problem = f"the chat template looks for {text!r} in contents, and {why}"
    return SpecError(problem, "Take a template that writes every content as it is, or change the texts.", ("template",))
