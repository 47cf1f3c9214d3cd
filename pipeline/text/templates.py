"""Template lines: Jinja2 in a sandbox, cut into pieces that can be tokenized at compile time.

{{ birth_city }}                               a table of its slot
{{ mother.birth_city }}                        a table of a slot of the mother (paths.py)
{{ birth_city | upper }}                       depends on one slot: evaluated for every row, so a table too
{% if month > other_month %}…{% endif %}       several slots, few combinations: a table of a joint slot
anything else over several slots               an `Expression`, rendered document by document
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import nodes

from pipeline.core.errors import TemplateError
from pipeline.core.files import Text
from pipeline.text.expressions import Allowance, Expression, evaluated
from pipeline.text.fields import Field, Variable
from pipeline.text.paths import resolved
from pipeline.text.pieces import Piece, literal
from pipeline.text.syntax import check, chunks, nodes_of, parsed, pieces_shown

MOST_CHARACTERS = 100_000  # of a line
BAR = " | "


def pieces(
    line: Text, scope: Mapping[str, Variable], owner: str, allowance: Allowance | None = None
) -> list[Piece | Expression]:
    """The line as literals, tables and expressions, in reading order.

    scope: the variables. owner: their owner, as messages call it ("world 'people'"). allowance: a budget that lines
    share; by default this line has its own. TemplateError for a line that does not parse, has an unknown name, fails
    for some value, or shows nothing for every value.
    """
    if len(line.text) > MOST_CHARACTERS:
        problem = f"a line of {len(line.text):,} characters"
        raise TemplateError(problem, f"At most {MOST_CHARACTERS:,} are allowed.", line.place)
    allowance = allowance or Allowance()
    cut: list[Piece | Expression] = []
    try:
        tree, scope = resolved(parsed(line), scope, line)
        for number, node in enumerate(chunks(tree)):
            if isinstance(node, nodes.TemplateData):
                cut.append(literal(node.data))
                continue
            check(node, scope, line, owner)
            cut += pieces_shown(node, scope) or [evaluated(node, scope, line, str(number), allowance)]
    except (RecursionError, MemoryError):  # both: nested too deeply
        raise TemplateError("nested too deeply", "Write a simpler sentence.", line.place) from None
    if not any(map(_shows_words, cut)):
        raise TemplateError(
            "says nothing, whatever the values are",
            "Remove the line: each is a paraphrase. A comment, {# so #}, stands beside the words of one.",
            line.place,
        )
    return cut


def _shows_words(piece: Piece | Expression) -> bool:
    """Whether some row of a piece has more than blanks."""
    if isinstance(piece, Expression):  # not evaluated for all values, so assumed
        return True
    return piece.texts.codes is not None or any(row.strip() for row in piece.texts.rows)


def bare_articles(line: Text, scope: Mapping[str, Variable]) -> list[tuple[str, str]]:
    """(variable, article) wherever a line uses a form that the values lack, so that it shows them unchanged."""
    tree, scope = resolved(parsed(line), scope, line)
    parts = ((node.node, node.attr) for node in nodes_of(tree, nodes.Getattr))
    named = ((owner.name, part) for owner, part in parts if isinstance(owner, nodes.Name))
    return [
        (name, part)
        for name, part in named
        if isinstance(field := scope.get(name), Field) and part in field.articles and part not in field.parts
    ]


def parts(line: list[Piece | Expression]) -> list[list[Piece | Expression]]:
    """The pieces of a line, split at the bars in its words: `prompt | answer` gives two lists of pieces.

    A part that shows nothing for every value is an empty list.
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
