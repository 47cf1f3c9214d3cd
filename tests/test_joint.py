"""Joint slots: what depends on two attributes with few values is a table, and the same as if it were rendered."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.documents import Documents
from pipeline.core.errors import TemplateError
from pipeline.core.files import Text
from pipeline.text import arithmetic, expressions
from pipeline.text.expressions import Expression, Program
from pipeline.text.fields import Column, Field
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Outline
from pipeline.text.pieces import Joint, Piece
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import compile_programs
from pipeline.text.templates import pieces
from pipeline.text.tokenizer import Tokenizer
from tests.encoders import tokenizer
from tests.plans import plan_at

# Slot 1 has seven rows in three classes of size, slot 2 three rows, slot 3 two, slot 4 too many.
SIZE = Column(1, (1, 2, 2, 3, 3, 3, 1))
SCOPE = {
    "size": Field((SIZE,), label=1),
    "half": Field((Column(1, tuple(value // 2 for value in SIZE.values)),), label=1),
    "other": Field((Column(2, (1, 2, 3)),), label=1),
    "city": Field((Column(3, ("Washington D.C.", "Oslo")),), label=2),
    "many": Field((Column(4, tuple(range(10_000))),), label=3),
}
ROWS = (1, 7, 3, 2, 10_000)
EVERY = np.array([(0, a, b, c, 0) for a, b, c in product(range(7), range(3), range(2))], np.int32)

LINES = (
    "Bigger: {{ size - other }}.",
    "{% if size > other %}Yes{% else %}No{% endif %}, {{ city }}.",
    "{{ city }} is it{% if size > other %}, by far{% endif %}; it is {{ other }}{% if size == other %} too{% endif %}.",
    "{% if size > other %}{{ size }} beats {{ other }}{% elif size == other %}A draw{% else %}{{ other }}{% endif %}",
    "{{ half * other }} and {{ half + other }} of {{ size }}",
    "In {{ [size, other] | join(' to ') }} of {{ city }}.",
    "{{ city }} {{ (size ~ other ~ city) | upper }} ({{ size }})",
)


def cut(line: str) -> Program:
    return pieces(Text(line, "lines.j2:7"), SCOPE, "world 'shoes'")


def slow(line: str, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The same line with nothing evaluated ahead."""
    with monkeypatch.context() as patch:
        patch.setattr(expressions, "MOST_COMBINATIONS", 0)
        patch.setattr(arithmetic, "MOST_COMBINATIONS", 0)
        return cut(line)


def told(renderer: Fragments | Rendered, rows: np.ndarray) -> Documents:
    """One document a row, of the first program."""

    def choose(chunk: slice) -> Outline:
        return Outline.table(np.zeros((len(rows[chunk]), 1), np.int32), rows[chunk], np.ones(1, np.uint8))

    return renderer.documents(len(rows), None, choose, spans=True, parts=True)


@pytest.mark.parametrize("kind", ["gpt2", "cl100k", "words"])
@pytest.mark.parametrize("line", LINES)
def test_every_combination_is_told_as_the_slow_path_tells_it(
    line: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = tokenizer(kind)
    fast, notices = compile_programs([cut(line)], encoder, len(ROWS))
    rendered, why = compile_programs([slow(line, monkeypatch)], encoder, len(ROWS))
    assert isinstance(fast, Fragments)
    assert fast.joints
    assert not notices
    assert isinstance(rendered, Rendered)
    assert "several values" in why[0]
    one, other = told(fast, EVERY), told(rendered, EVERY)
    for column in ("tokens", "spans", "parts"):
        assert np.array_equal(getattr(one, column).values, getattr(other, column).values), column
        assert np.array_equal(getattr(one, column).offsets, getattr(other, column).offsets), column


def test_a_table_has_a_row_for_each_text_and_a_class_for_each_value() -> None:
    (piece,) = [part for part in cut("{{ size - other }}") if isinstance(part, Piece)]
    assert isinstance(piece.slot, Joint)
    assert set(piece.texts.rows) == {"-2", "-1", "0", "1", "2"}
    assert piece.slot.table.shape == (3, 3)
    assert [piece.texts.rows[row] for row in piece.slot.rows(EVERY)] == [
        str(SIZE.values[a] - (1, 2, 3)[b]) for _, a, b, _, _ in EVERY.tolist()
    ]


def test_a_filter_over_two_values_of_one_attribute_is_labelled_and_over_two_attributes_is_not() -> None:
    labels = [
        cut(line)[0].label for line in ("{{ [size, other] | join }}", "{{ [size, city] | join }}", "{{ size - other }}")
    ]
    assert labels == [1, 0, 0]


def test_too_many_combinations_stay_an_expression_with_a_notice_and_are_told_alike() -> None:
    line = "{{ city }}: {{ [many, size] | join('+') }}."
    program = cut(line)
    assert any(isinstance(part, Expression) for part in program), "3 · 10,000 are more than 20,000"
    renderer, (notice,) = compile_programs([program], tokenizer("gpt2"), len(ROWS))
    assert isinstance(renderer, Rendered)
    assert "lines.j2:7 depends on several values at once" in notice
    rows = np.array([[0, 3, 0, 0, 9_998]], np.int32)
    assert tokenizer("gpt2").decode(told(renderer, rows).tokens.values) == " Washington D.C.: 9998+3.<|endoftext|>"


def test_arithmetic_over_any_number_of_combinations_is_a_table_and_told_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "{{ city }}: {{ (many - 3) * size + many // other % 7 }}, and {{ -(many + size) }}."
    fast, notices = compile_programs([cut(line)], tokenizer("gpt2"), len(ROWS))
    assert isinstance(fast, Fragments), notices
    rendered, _ = compile_programs([slow(line, monkeypatch)], tokenizer("gpt2"), len(ROWS))
    assert isinstance(rendered, Rendered)
    rng = np.random.default_rng(3)
    rows = np.column_stack([rng.integers(0, size, 500) for size in ROWS]).astype(np.int32)
    assert np.array_equal(told(fast, rows).tokens.values, told(rendered, rows).tokens.values)


@pytest.mark.parametrize("line", ["{{ many * many * many * many * many + size }}", "{{ 1 // (many - 3) + size }}"])
def test_arithmetic_that_is_too_large_or_divides_by_zero_is_no_table(line: str) -> None:
    try:
        assert any(isinstance(part, Expression) for part in cut(line))
    except TemplateError as refusal:
        assert "ZeroDivisionError" in str(refusal)


def test_a_joint_table_without_a_seam_to_a_value_takes_the_slow_path(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "{{ city }}{% if size > other %}.{% endif %}"
    renderer, (notice,) = compile_programs([cut(line)], tokenizer("gpt2"), len(ROWS))
    rendered, _ = compile_programs([slow(line, monkeypatch)], tokenizer("gpt2"), len(ROWS))
    assert "no sure seam" in notice
    assert np.array_equal(told(renderer, EVERY).tokens.values, told(rendered, EVERY).tokens.values)


def test_what_fails_for_one_combination_is_refused_with_its_line() -> None:
    with pytest.raises(TemplateError, match=r"lines\.j2:7: fails: ZeroDivisionError.*every value") as refusal:
        cut("{{ 1 // (size - other) }}")
    assert refusal.value.remedy


# ── lengths ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CHANCES = {
    0: (Fraction(1),),
    1: tuple(Fraction(n, 28) for n in range(1, 8)),
    2: (Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)),
    3: (Fraction(1, 10), Fraction(9, 10)),
}


@pytest.mark.parametrize("line", LINES)
def test_the_expected_length_is_the_sum_over_all_combinations(line: str) -> None:
    encoder: Tokenizer = tokenizer("gpt2")
    renderer, _ = compile_programs([cut(line)], encoder, len(ROWS))
    assert isinstance(renderer, Fragments)
    lengths = (told(renderer, EVERY).tokens.lengths - 1).tolist()
    chances = [
        prod((CHANCES[slot][row] for slot, row in enumerate(at[:4])), start=Fraction(1)) for at in EVERY.tolist()
    ]
    assert sum(chances) == 1
    expected = sum((chance * length for chance, length in zip(chances, lengths, strict=True)), Fraction(0))
    assert renderer.mean_lengths(CHANCES.__getitem__) == [expected]
    assert max(lengths) <= renderer.longest[0]


WEIGHTED = """\
extends: GOLDEN
worlds:
  people: {size: 20, attributes: {city: {values: [Oslo, Bern, Rome], weights: [6, 3, 1]}, shoes: {first: 7, last: 12}}}
sources:
  ask:
    kind: questions
    world: people
    templates:
      pair: ["{{ city }} or {{ other_city }}? | {{ city.number - other_city.number }} or {{ shoes * other_shoes }}"]
      alone: ["{{ city }}? | {% if shoes > 9 and city == 'Oslo' %}Certainly, as all know{% else %}No{% endif %}."]
splits: {train: null, exam: {mixture: {ask: {exposures: 1}}}}
""".replace("GOLDEN", str(Path(__file__).parent / "golden" / "small.yaml"))


def test_questions_of_weighted_attributes_have_the_mean_length_of_all_pairs(tmp_path: Path) -> None:
    """The tokenizer is one of bytes: a length is one of characters."""
    source = plan_at(tmp_path / "r.yaml", WEIGHTED).sources["ask"]
    cities = [(Fraction(6, 10), 0), (Fraction(3, 10), 1), (Fraction(1, 10), 2)]
    shoes = [(Fraction(1, 6), size) for size in range(7, 13)]
    pair = alone = Fraction(0)
    for (p, one), (q, two), (r, size), (s, other) in product(cities, cities, shoes, shoes):
        pair += p * q * r * s * len(f" Oslo or Oslo? {one - two} or {size * other}")
    for (p, one), (r, size) in product(cities, shoes):
        alone += p * r * len(f" Oslo? {'Certainly, as all know' if size > 9 and not one else 'No'}.")
    assert source.mean_tokens == (pair + alone) / 2 + 1
    assert not any("slow path" in notice for notice in source.notices)
