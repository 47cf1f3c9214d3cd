"""Expressions in templates are small in time and memory: what would be large is refused before it is made."""

import re
import tracemalloc
from collections.abc import Sequence

import pytest

from pipeline.core.errors import TemplateError
from pipeline.core.files import Text
from pipeline.text.expressions import Allowance
from pipeline.text.fields import Column, Field
from pipeline.text.pieces import Piece
from pipeline.text.templates import pieces

SCOPE = {
    "city": Field((Column(1, ("Boston", "York")),), {}, 1),
    "shoes": Field((Column(2, (36, 44)),), {}, 2),
}
HUGE = 400_000_000
LONG = "{% set a = 'x'.ljust(9000) %}"
FORTY = range(40)


def shown(line: str, allowance: Allowance | None = None) -> list[tuple[str, ...]]:
    """The rows of each piece of a line."""
    cut = pieces(Text(line, "lines.j2:7"), SCOPE, "world 'people'", allowance)
    return [piece.texts.rows if isinstance(piece, Piece) else () for piece in cut]


def chain(first: str, step: str, last: str) -> str:
    """A value that grows, step by step, forty times."""
    return f"{{% set a = {first} %}}" + f"{{% set a = {step} %}}" * len(FORTY) + last


WIDTHS = [
    f'{{{{ "%{HUGE}d"|format(1) }}}}',
    f'{{{{ "%-{HUGE}s|"|format(city) }}}}',
    f'{{{{ "%.{HUGE}f"|format(1) }}}}',
    f'{{{{ "%.{HUGE}d"|format(1) }}}}',
    f'{{{{ "%*d"|format({HUGE}, 1) }}}}',
    f'{{{{ "%-*d"|format(-{HUGE}, 1) }}}}',
    f'{{{{ "%.*f"|format({HUGE}, 1) }}}}',
    f'{{{{ "%(a){HUGE}d"|format(a=1) }}}}',
    f"{{{{ '{{:>{HUGE}}}'.format(1) }}}}",
    f"{{{{ '{{:{{}}}}'.format(1, {HUGE}) }}}}",
    f"{{{{ '{{:{{w}}}}'.format(1, w={HUGE}) }}}}",
    f"{{{{ '{{:.{HUGE}f}}'.format(1) }}}}",
    f"{{{{ '{{:0{HUGE},d}}'.format(shoes) }}}}",
    f"{{{{ city.center({HUGE}) }}}}",
    f"{{{{ city.ljust({HUGE}, 'b')|length }}}}",
    f"{{% if city.rjust({HUGE}) %}}x{{% endif %}}",
    f"{{{{ '1'.zfill({HUGE}) }}}}",
    f"{{{{ '\t\t'.expandtabs({HUGE}) }}}}",
    f"{{{{ '\t\t'.expandtabs(tabsize={HUGE}) }}}}",
    f"{{% filter format({HUGE}) %}}%*d{{% endfilter %}}",
]
PRODUCTS = [
    LONG + "{{ a.replace(' ', a) }}",
    LONG + "{{ a|replace(' ', a) }}",
    LONG + "{{ a|replace('', a)|length }}",
    LONG + "{{ a.join(a) }}",
    LONG + "{{ a|join(a) }}",
    LONG + "{{ [a, a]|join }}",
    LONG + "{{ a ~ a }}",
    LONG + "{{ a + a }}",
    LONG + "{% filter replace(' ', a) %}{{ a }}{% endfilter %}",
    LONG + "{% set b %}{{ a }}{{ a }}{% endset %}{{ b|length }}",
    LONG + "{{ a }}{{ a }}",
    "{{ '" + "%(a)s" * 1500 + "'|format(a='x'.ljust(9000)) }}",
    "{{ '" + "%(a)r" * 1500 + "'|format(a=['x'.ljust(9000)]) }}",
    "{{ '" + "{0}" * 2000 + "'.format('x'.ljust(9000)) }}",
    "{{ '" + "{:>9000}" * 2000 + "'.format(" + ", ".join("1" * 2000) + ") }}",
    "{{ '" + "%9000d" * 2000 + "'|format(" + ", ".join("1" * 2000) + ") }}",
    "{{ 'ß'.ljust(9000, 'ß')|upper }}",
    "{{ 'ß'.ljust(9000, 'ß').casefold()|length }}",
    "{{ '" + "y" * 20_000 + "' ~ city }}",
]
CHAINS = [
    chain("city", "a ~ a", "{{ a }}"),
    chain("city", "a + a", "{{ a|length }}"),
    chain("[1]", "a + a", "{{ a|length }}"),
    chain("[1]", "[a, a]", "{{ a|string }}"),
    chain("(1, 1)", "(a, a)", "{{ a|upper }}"),
    chain("{1: 1}", "{1: a, 2: a}", "{{ a == a }}"),
    "{% set a %}xx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
    "{% with a = 'x' %}" + "{% with a = a ~ a %}" * 40 + "{{ a }}" + "{% endwith %}" * 41,
]
NUMBERS = [
    chain("9", "a * a", "{{ a }}"),
    chain("9", "a * a", "{{ 'x' if a else 'y' }}"),
    chain("9", "a * a + a", "{{ a is even }}"),
    "{{ 0x" + "f" * 50_000 + " }}",
    "{{ 1 if 0x" + "f" * 50_000 + " else 2 }}",
    "{{ 'f'.ljust(9000, 'f')|int(0, 16) }}",
    "{{ " + "9" * 5000 + " }}",
]


@pytest.mark.parametrize(
    ("lines", "bound"),
    [(WIDTHS, "10,000"), (PRODUCTS, "10,000"), (CHAINS, "10,000"), (NUMBERS, "4,300")],
    ids=["widths", "products", "chains", "numbers"],
)
def test_what_would_be_large_is_refused_with_the_bound_before_it_is_made(lines: Sequence[str], bound: str):
    tracemalloc.start()
    try:
        for line in lines:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with pytest.raises(TemplateError, match=rf"^lines\.j2:7: .*\b{bound}\b") as refusal:
                shown(line)
            assert "set_int_max_str_digits" not in str(refusal.value)
            assert tracemalloc.get_traced_memory()[1] - before < 40_000_000, line[:80]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("{{ '%5.1f|%-4d|%*d|%%'|format(shoes / 3, shoes, 3, 7) }}", (" 12.0|36  |  7|%", " 14.7|44  |  7|%")),
        ("{{ '%(a)s of %(b)04x'|format(a=city, b=255) }}", ("Boston of 00ff", "York of 00ff")),
        ("{{ '%s %r %a'|format(city, city, 'é') }}", ("Boston 'Boston' '\\xe9'", "York 'York' '\\xe9'")),
        ("{{ '{:>10}|{:{}}|{!r:>4}'.format(city, 'x', 3, 1) }}", ("    Boston|x  |   1", "      York|x  |   1")),
        ("{{ '%10000d'|format(1)|length }}{{ 'x'.ljust(10000)|length }}", ("10000",)),
        ("{{ city|replace('o', '00')|title ~ 1 ~ true ~ 1.5 }}", ("B00st00n1True1.5", "Y00rk1True1.5")),
        ("{{ [city, 'x', 1]|join(', ') }} {{ ', '.join(['a', city]) }}", ("Boston, x, 1", "York, x, 1")),
        ("{% set a, b = city, 'x' %}{{ b ~ a }}", ("xBoston", "xYork")),
        ("{{ 1e400 }}", ("inf",)),
        ("{{ -1 * (2 + 3) // 2 - shoes }}", ("-39", "-47")),
        ("{{ {'Boston': 'MA'}[city] if city in ['Boston'] else 'NY' }}", ("MA", "NY")),
    ],
)
def test_what_is_small_is_shown_as_jinja2_shows_it(line: str, rows: tuple[str, ...]):
    assert shown(line)[0] == rows


@pytest.mark.parametrize(
    "line", ["x" * 2_000_000, "{{ city }} " * 100_000, "{{ " + "[" * 30_000 + "]" * 30_000 + " }}"]
)
def test_a_line_of_a_megabyte_or_nested_without_end_is_refused(line: str):
    with pytest.raises(TemplateError, match=r"^lines\.j2:7: (a line of .* At most 100,000|nested too deeply)"):
        shown(line)


def test_what_all_lines_of_a_source_make_is_bounded_together():
    allowance = Allowance(10_000)
    shown("{{ city|upper }}", allowance)
    with pytest.raises(TemplateError, match=r"^lines\.j2:7: up to here expressions make more than 10,000 characters"):
        for _ in range(10):
            shown("{{ city|upper }}", allowance)
    for _ in range(1000):
        shown("{{ city }} is a city.", allowance)  # which needs no expression


@pytest.mark.parametrize(
    "line",
    [
        "{# a comment #}",
        "{#- a comment -#}",
        "{# one #}{# two #}",
        "{% raw %}{% endraw %}",
        "{% raw %} {% endraw %}",
        "{{ '' }}",
        "{{ '' }}{{ ' ' }}",
        "{{ city|replace(city, '') }}",
        "{% if false %}x{% endif %}",
        "{% if city == 'Oslo' %}{{ city }}{% endif %}",
        "{% if city == 'York' %}{# x #}{% endif %}",
        "{% set a = city %}",
        "{% with a = city %}{% endwith %}",
        "{%- if shoes < 0 -%} x {%- endif -%}",
    ],
)
def test_a_line_that_never_says_anything_is_refused_with_how_comments_are_written(line: str):
    with pytest.raises(TemplateError, match=r"^lines\.j2:7: says nothing, whatever .* A comment, \{# so #\}, stands"):
        shown(line)


@pytest.mark.parametrize("line", ["{% if city == 'York' %}York{% endif %}", "{# why #}In {{ city }}.", "# Boston"])
def test_a_line_that_says_something_of_some_value_is_told(line: str):
    assert any(map(str.strip, shown(line)[-1]))


@pytest.mark.parametrize("line", ["{{ }}", "{%- -%}", "{% %}", "{{", "{# open", "{% if city %}x", "{% endif %}"])
def test_an_empty_or_unclosed_tag_is_refused_in_one_line(line: str):
    with pytest.raises(TemplateError, match=r"^lines\.j2:7: not a Jinja2 template: ") as refusal:
        shown(line)
    assert not re.search(r"[\n\r]", str(refusal.value))
