"""reference/templates.md: filters, tests and methods of templates, from their docstrings."""

from __future__ import annotations

import inspect
import re

from docs.reference.docstrings import line, markdown
from pipeline.text import arithmetic, expressions
from pipeline.text.languages import Language
from pipeline.text.sandbox import FILTERS, METHODS, OF_LANGUAGES, TESTS
from pipeline.text.syntax import ENVIRONMENT
from pipeline.text.value_sizes import DIGITS, LONGEST

HEAD = f"""\
# Templates

A line of a template is Jinja2 in a sandbox: its variables are those of
[Write templates and questions](../how-to/write-templates.md), branches are `{{% if … %}}`, and expressions may use what
stands here. Each is evaluated for every value when a plan is compiled, so that it costs nothing later. A text may have
{LONGEST:,} characters on the way, and a number {DIGITS:,} digits.

## Filters of a language

What they do is data of the language: [Write a language](../how-to/write-a-language.md).
"""
ARITHMETIC = f"""\
## Arithmetic

`+ - * // %` over whole numbers, such as `{{{{ melts + range }}}}`, are computed for up to
{arithmetic.MOST_COMBINATIONS:,} combinations of values at once. Other expressions over several attributes are
evaluated for up to {expressions.MOST_COMBINATIONS:,} combinations; what has more is rendered document by document, and
`plan` says how long that takes. A number that many sentences use is better declared as an attribute of the kind
[`computed`](attributes.md#computed).
"""


def page() -> str:
    """The page."""
    of_languages = [_section(name) for name in OF_LANGUAGES]
    filters = [(name, ENVIRONMENT.filters[name].__doc__) for name in FILTERS if name not in OF_LANGUAGES]
    tests = [(name, ENVIRONMENT.tests[name].__doc__) for name in TESTS if name.isidentifier()]
    methods = [(name, getattr(str, name).__doc__) for name in METHODS]
    tables = [
        _table("Other filters", "`{{ birth_city | upper }}`; those of Jinja2.", filters),
        _table("Tests", "`{% if moons is even %}`; those of Jinja2, and the comparisons `== != < <= > >= in`.", tests),
        _table("Methods of a text", '`{{ city.removesuffix(", MA") }}`; those of Python.', methods),
    ]
    return "\n".join([HEAD, *of_languages, ARITHMETIC, *tables])


def _section(name: str) -> str:
    """A filter of a language: how it is called, and its docstring."""
    method = getattr(Language, name)
    _, _, *parameters = inspect.signature(method).parameters.values()
    names = [("*" if one.kind is one.VAR_POSITIONAL else "") + one.name for one in parameters]
    return f"### {name}\n\n`value | {name}({', '.join(names)})`\n\n{markdown(method.__doc__ or '', names)}\n"


def _table(title: str, example: str, rows: list[tuple[str, str | None]]) -> str:
    shown = "".join(f"| `{name}` | {_first_sentence(text or '')} |\n" for name, text in rows)
    return f"## {title}\n\n{example}\n\n| | |\n|---|---|\n{shown}"


def _first_sentence(docstring: str) -> str:
    """The first sentence of a docstring of another library, without its markup."""
    signature, *below = inspect.cleandoc(docstring).split("\n\n")  # some of Python's begin with a signature
    paragraph = line(below[0] if signature.startswith("S.") and below else signature)
    sentence = re.split(r"(?<=[^.].)\. |:$", re.sub(r":\w+:`([^`]+)`|``([^`]+)``", r"`\1\2`", paragraph))[0]
    return sentence.rstrip(".:").replace("|", "\\|") + "."
