"""What a template line says by itself, whatever the values are: its words, and the names that it uses."""

from __future__ import annotations

from jinja2 import nodes

from pipeline.core.files import Text
from pipeline.text.syntax import nodes_of, parsed


def words_written(line: Text) -> list[str]:
    """The words between the braces of a line, and the texts in quotes inside them. TemplateError if it does not parse.

    >>> words_written(Text('{{ subject }} {{ verb("was", "were") }} born.', ""))
    [' ', ' born.', 'was', 'were']
    """
    tree = parsed(line)
    constants = [node.value for node in nodes_of(tree, nodes.Const) if isinstance(node.value, str)]
    return [node.data for node in nodes_of(tree, nodes.TemplateData)] + constants


def names_used(line: Text) -> list[str]:
    """The variables that a line reads, each time it does. TemplateError if it does not parse.

    >>> names_used(Text('{{ subject }} {{ verb("was", "were") }} born on {{ birth_date.day }}.', ""))
    ['subject', 'verb', 'birth_date']
    """
    return [node.name for node in nodes_of(parsed(line), nodes.Name) if node.ctx == "load"]
