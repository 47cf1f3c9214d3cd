"""Template lines: Jinja2 in a sandbox, cut into pieces that can be tokenized ahead.

`{{ birth_city }}` is a slot. An expression or a branch that depends on one slot (`{{ birth_city | upper }}`,
`{% if pronoun == "they" %}…{% endif %}`) is evaluated for every row of its table when the recipe is compiled, so it is
a slot too. So is what depends on several slots with few values between them (whether one month is later than another):
a joint slot. Anything else that depends on several stays an `Expression`, rendered document by document.
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import nodes

from pipeline.core.errors import TemplateError
from pipeline.core.files import Text
from pipeline.text.expressions import Allowance, Expression, evaluated
from pipeline.text.fields import Field, Variable
from pipeline.text.languages import ARTICLES
from pipeline.text.pieces import Piece, literal
from pipeline.text.syntax import check, chunks, nodes_of, parsed, pieces_shown

MOST_CHARACTERS = 100_000  # of a line
BAR = " | "


def pieces(
    line: Text, scope: Mapping[str, Variable], owner: str, allowance: Allowance | None = None
) -> list[Piece | Expression]:
    """The line as literals, tables and expressions, in reading order.

    scope: the variables. owner: what a message calls their owner ("world 'people'"). allowance: of all lines that
    belong together; of this one alone where there is none. TemplateError for a line that does not parse, names
    something unknown, fails for some value, or shows nothing for any.
    """
    if len(line.text) > MOST_CHARACTERS:
        problem = f"a line of {len(line.text):,} characters"
        raise TemplateError(problem, f"At most {MOST_CHARACTERS:,} are allowed.", line.place)
    allowance = allowance or Allowance()
    cut: list[Piece | Expression] = []
    try:
        for number, node in enumerate(chunks(parsed(line))):
            if isinstance(node, nodes.TemplateData):
                cut.append(literal(node.data))
                continue
            check(node, scope, line, owner)
            cut += pieces_shown(node, scope) or [evaluated(node, scope, line, str(number), allowance)]
    except (RecursionError, MemoryError):  # MemoryError: Python's, of what is nested
        raise TemplateError("nested too deeply", "Write a simpler sentence.", line.place) from None
    if not any(map(_shows_words, cut)):
        raise TemplateError(
            "says nothing, whatever the values are",
            "Remove the line: each is a paraphrase. A comment, {# so #}, stands beside the words of one.",
            line.place,
        )
    return cut


def _shows_words(piece: Piece | Expression) -> bool:
    """Whether some row of a piece is more than blanks."""
    if isinstance(piece, Expression):  # nobody has looked at all that it shows
        return True
    return piece.texts.codes is not None or any(row.strip() for row in piece.texts.rows)


def bare_articles(line: Text, scope: Mapping[str, Variable]) -> list[tuple[str, str]]:
    """(variable, article) wherever a line asks for a form that the values do not have, and shows them as they are."""
    articles = ((node.node, node.attr) for node in nodes_of(parsed(line), nodes.Getattr) if node.attr in ARTICLES)
    named = ((owner.name, article) for owner, article in articles if isinstance(owner, nodes.Name))
    return [
        (name, article)
        for name, article in named
        if isinstance(field := scope.get(name), Field) and article not in field.parts
    ]


def parts(line: list[Piece | Expression]) -> list[list[Piece | Expression]]:
    """The pieces of a line, cut at the bars in its words: `prompt | answer` is two lists of pieces.

    A part that shows nothing, whatever the values are, is an empty list.
    """
    cut: list[list[Piece | Expression]] = [[]]
    for piece in line:
        if not isinstance(piece, Piece) or piece.slot != 0 or piece.label or BAR not in piece.text:
            cut[-1].append(piece)
            continue
        before, *texts = piece.text.split(BAR)
        cut[-1] += [literal(before)] * bool(before)
        cut += [[literal(text)] * bool(text) for text in texts]
    return [part if any(map(_shows_words, part)) else [] for part in cut]
