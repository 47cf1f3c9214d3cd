"""What a trainer makes of messages: the chat template by Jinja2, with the options of transformers, and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser

from pipeline.text.tokenizer import Tokenizer


class _Generation(Extension):
    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


ENVIRONMENT = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])


def text_of(template: str, messages: Sequence[tuple[str, str]], **variables: Any) -> str:
    """The whole conversation."""
    plain = [{"role": role, "content": content} for role, content in messages]
    return ENVIRONMENT.from_string(template).render(messages=plain, add_generation_prompt=False, **variables)


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    """The token ids of a text in which special tokens are tokens, and the end token where the text has none."""
    ids: list[int] = tokenizer.backend.encode(text, add_special_tokens=False).ids
    return ids if ids[-1:] == [tokenizer.eos] else [*ids, tokenizer.eos]
