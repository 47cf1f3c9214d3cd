"""A chat template, cut into what it writes itself and the contents of messages.

    user, assistant   "<|im_start|>user\\n" · 0 · "<|im_end|>\\n<|im_start|>assistant\\n" · 1 · "<|im_end|>\\n"

The template is rendered once, with contents that it cannot look into (`sandbox.py`). So the cut holds for whatever
the messages say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jinja2

from pipeline.core.errors import SpecError
from pipeline.text.chat.sandbox import BEGIN, END, GENERATION, ChatRefused, ChatSandbox, Content
from pipeline.text.value_sizes import TooLarge

SHOW = "Take a template that writes every content as it is, such as `template: chatml`."
TRIALS = ("Anya Forger? 7", "x"), ("It's «é» 😀.", "No, in the year 1996: twice")


class Stretch(NamedTuple):
    """A text that the template writes. learned: whether it is part of what the assistant writes, by `generation`."""

    text: str
    learned: bool


@dataclass(frozen=True)
class Shape:
    """A conversation as the template writes it.

    roles: of the messages (k,), in order. written: what stands before each content and after the last (k + 1,), each in
    stretches. marked: whether the template says, by `generation`, what the assistant writes. trims: whether it takes
    white space from the ends of contents. absent: texts that it looks for, sorted; it was rendered as if no content had
    one.
    """

    roles: tuple[str, ...]
    written: tuple[tuple[Stretch, ...], ...]
    marked: bool
    trims: bool
    absent: tuple[str, ...]

    def text(self, contents: Sequence[str]) -> str:
        """The whole conversation; contents (k,)."""
        own = ["".join(stretch.text for stretch in stretches) for stretches in self.written]
        return "".join(text for pair in zip(own, [*contents, ""], strict=True) for text in pair)


def shape_of(text: str, roles: Sequence[str], variables: Mapping[str, Any]) -> Shape:
    """How a template writes messages of these roles. variables: what else it may show, such as `bos_token`.

    SpecError for a text that is no template, one that raises an error, leaves out a content, or changes one.
    """
    if any(mark in text for mark in (BEGIN, END, *GENERATION)):
        raise SpecError("the chat template holds U+FDD0 to U+FDD3, which are no characters", "Remove them.")
    absent: set[str] = set()
    contents = [Content([number], absent) for number in range(len(roles))]
    rendered, trims = _rendered(text, roles, contents, variables)
    parts = rendered.parts if isinstance(rendered, Content) else (rendered,)
    shown = [part for part in parts if isinstance(part, int)]
    for number, role in enumerate(roles):
        if (times := shown.count(number)) != 1:
            how = "leaves out" if not times else f"writes {times} times"
            raise SpecError(f"the chat template {how} the message {number + 1}, of the role {role}", SHOW)
    if shown != sorted(shown):
        raise SpecError("the chat template writes the messages in another order", SHOW)
    own = [""]
    for part in parts:
        own[-1] += part if isinstance(part, str) else ""
        own += [""] * isinstance(part, int)
    for number, written in enumerate(own[1:-1], 1):
        if not written.translate(_NO_MARKS):
            raise SpecError(f"the chat template writes nothing between the messages {number} and {number + 1}", SHOW)
    marked = any(mark in text for text in own for mark in GENERATION)
    shape = Shape(tuple(roles), _stretches(own), marked, trims, tuple(sorted(absent)))
    for trial in TRIALS:
        texts = [trial[number % 2] for number in range(len(roles))]
        if str(_rendered(text, roles, texts, variables)[0]).translate(_NO_MARKS) != shape.text(texts):
            raise SpecError("the chat template writes something else where the contents are others", SHOW)
    return shape


_NO_MARKS = {ord(mark): None for mark in GENERATION}


def _rendered(
    text: str, roles: Sequence[str], contents: Sequence[Any], variables: Mapping[str, Any]
) -> tuple[Content | str, bool]:
    """The template rendered with these contents, and whether it trims them."""
    sandbox = ChatSandbox()
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
    try:
        template = sandbox.compiled(text)
        rendered: Content | str = template.render(messages=messages, add_generation_prompt=False, **variables)
        return rendered, sandbox.trims
    except ChatRefused as refused:
        remedy = "" if str(refused).startswith("says") else SHOW
        order = " → ".join(roles)
        raise SpecError(f"the chat template {refused}", remedy or f"The messages are: {order}.") from None
    except TooLarge as error:
        raise SpecError(f"the chat template {error}", error.remedy) from None
    except jinja2.TemplateSyntaxError as error:
        raise SpecError(
            f"line {error.lineno} of the chat template is no Jinja2: {error.message}", "Look there."
        ) from None
    except (jinja2.TemplateError, RecursionError, SyntaxError) as error:
        raise SpecError(f"the chat template cannot be rendered: {error}"[:300], SHOW) from None
    except Exception as error:  # whatever an expression of somebody else's template does
        raise SpecError(f"the chat template cannot be rendered: {type(error).__name__}: {error}"[:300], SHOW) from None


def _stretches(own: Sequence[str]) -> tuple[tuple[Stretch, ...], ...]:
    """The stretches of each text, cut at the marks of `generation`, which may reach over contents."""
    begin, end = GENERATION
    inside, written = False, []
    for text in own:
        stretches = []
        for part in re.split(f"([{begin}{end}])", text):
            if part in GENERATION:
                inside = part == begin
            elif part:
                stretches.append(Stretch(part, inside))
        written.append(tuple(stretches))
    return tuple(written)
