"""The fast path: what it emits is what rendering and encoding the whole text gives, token for token."""

from __future__ import annotations

import jinja2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.documents import Documents
from pipeline.core.errors import SpecError
from pipeline.core.files import Text
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import NAME, PRONOUN, scope_of
from pipeline.text.compiler import Compiler
from pipeline.text.fields import Column, Field
from pipeline.text.fragments import Fragments
from pipeline.text.fusing import Uncuttable, fused
from pipeline.text.outline import Outline
from pipeline.text.pieces import Piece, Texts, literal
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import compile_programs
from pipeline.text.seams.merge_seams import seams_of
from pipeline.text.templates import pieces
from pipeline.text.tokenizer import Tokenizer
from tests.encoders import tokenizer
from tests.plans import small, usual

BYTES = ("gpt2", "cl100k", "o200k", "qwen2", "words", "tekken")
FAST = (*BYTES, "nfc", "nfkc", "llama", "mistral", "metaspace", "gemma", "llama3", "bert", "clip")
SLOTS = 64  # more than any outline here has
SLOW = ("letters", "unigram")


def told(renderer: Fragments | Rendered, programs: np.ndarray, rows: np.ndarray, *, spans: bool = False) -> Documents:
    """The documents about `rows` (d, up to SLOTS), of a renderer compiled for SLOTS."""
    longest = int(renderer.longest.max()) * programs.shape[1] + 1 if isinstance(renderer, Fragments) else 0
    wide = np.zeros((len(rows), SLOTS), np.int32)
    wide[:, : rows.shape[1]] = rows
    return renderer.documents(
        len(programs),
        longest,
        lambda c: Outline.table(np.ascontiguousarray(programs[c]), np.ascontiguousarray(wide[c])),
        spans=spans,
    )


def ids(documents: Documents, i: int) -> list[int]:
    offsets = documents.tokens.offsets
    return documents.tokens.values[offsets[i] : offsets[i + 1]].tolist()


def whole(text: str, encoder: Tokenizer) -> list[int]:
    return [*encoder.encode([text])[0].tolist(), encoder.eos]


# ── every seam of the package's own templates ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["gpt2", *(pytest.param(kind, marks=pytest.mark.slow) for kind in FAST[1:])])
@pytest.mark.parametrize(
    ("recipe", "every"),
    [("bioS_multi5_permute", 8), pytest.param("bioS_multi5_permute", 1, marks=pytest.mark.slow), ("products", 1)],
)
def test_every_template_with_every_value_is_encoded_exactly(recipe: str, every: int, kind: str) -> None:
    """Or with every eighth template of each attribute."""
    plan = small(recipe)
    source = next(iter(plan.sources.values()))
    assert isinstance(source, Biographies)
    encoder, world = tokenizer(kind), source.world
    spec = next(iter(plan.recipe.sources.values()))
    sizes = world._sizes
    name_slots = world.fields["name"].slots
    for mode in (NAME, PRONOUN):
        scope = scope_of(Cast(world), mode, "en")
        for sentence in source.sentences:
            lines = spec.lines(sentence)[:: every if kind == "gpt2" else 8]
            cut = [pieces(line, scope, "world") for line in lines]
            renderer, notices = compile_programs(cut, encoder, SLOTS)
            assert isinstance(renderer, Fragments), notices
            for number, line in enumerate(lines):
                # Every row of every slot that the line reads; of the thousand names, with the first line of each file.
                slots = {piece.slot for piece in cut[number]} - (name_slots if number else set())
                count = max(sizes[slot] for slot in slots)
                rows = [(np.arange(count) + 3 * slot) % size for slot, size in enumerate(sizes)]
                _assert_exact(renderer, number, np.stack(rows, 1).astype(np.int32), line, scope, encoder)


def _assert_exact(renderer, number: int, rows: np.ndarray, line: Text, scope, encoder: Tokenizer) -> None:
    got = told(renderer, np.full((len(rows), 1), number, np.int32), rows)
    template = jinja2.Environment().from_string(line.text)
    texts = []
    for row in rows:
        at = dict(enumerate(row.tolist()))
        texts.append(" " + template.render({name: variable.value(at) for name, variable in scope.items()}))
    expected = [token for ids in encoder.encode(texts) for token in (*ids.tolist(), encoder.eos)]
    assert got.tokens.values.tolist() == expected, line.place


# ── arbitrary templates and values ──────────────────────────────────────────────────────────────────────────────────

CHARACTERS = st.sampled_from(
    list("aZé한 9.,'’-$&()\n\t") + ["'s", "'ll", " D.C.", "  ", "12", "ﬁ", "e\u0301", "\u200b", "😀"]
)
NATURAL = st.sampled_from(
    [" was born in ", ".", ", ", "'s ", " (", ")", "He ", " and", " 12 ", "$", "Boston", "D.C.", "é"]
)
WORDS = st.one_of(NATURAL, NATURAL, st.lists(CHARACTERS, max_size=4).map("".join))
VALUES = st.lists(WORDS, min_size=1, max_size=4).map(tuple)
INSIDE = st.lists(WORDS | st.integers(0, 2), max_size=5)
SENTENCES = st.one_of(
    INSIDE.filter(len),
    st.tuples(st.sampled_from(["He", "é", "(", "12", "D.C."]), INSIDE, st.sampled_from([".", "!", " x", "'"])).map(
        lambda parts: [parts[0], *parts[1], parts[2]]
    ),
)


@settings(max_examples=24, deadline=None, derandomize=True)
@given(
    tables=st.lists(VALUES, min_size=1, max_size=3),
    sentences=st.lists(SENTENCES, min_size=1, max_size=3),
    kind=st.sampled_from((*FAST, *FAST, *SLOW)),
)
def test_arbitrary_pieces_are_encoded_exactly_or_take_the_slow_path(tables, sentences, kind) -> None:
    encoder = tokenizer(kind)

    def piece(part: str | int) -> Piece:
        if isinstance(part, str):
            return literal(part)
        number = part % len(tables)
        return Piece(Column(number + 1, tables[number]).texts, number + 1)

    programs = [[piece(part) for part in sentence] for sentence in sentences]
    renderer, notices = compile_programs(programs, encoder, SLOTS)
    assert isinstance(renderer, Fragments) or notices
    rows = np.array([[0, a, b, c] for a in range(4) for b in range(4) for c in range(4)], np.int32)
    rows[:, 1:] %= [len(tables[i]) if i < len(tables) else 1 for i in range(3)]
    order = np.tile(np.arange(len(programs), dtype=np.int32), (len(rows), 1))
    got = told(renderer, order, rows)
    for i, row in enumerate(rows):
        text = "".join(" " + "".join(part.texts.rows[row[part.slot]] for part in program) for program in programs)
        assert ids(got, i) == whole(text, encoder)


def test_rows_of_another_number_of_slots_are_refused_before_a_kernel_reads_beside_them() -> None:
    encoder = tokenizer("gpt2")
    tables = [Piece(Column(slot, rows).texts, slot, 1) for slot, rows in ((1, ("th", "c")), (2, ("e", "f")))]
    renderer, notices = compile_programs([[tables[0], tables[1]]], encoder, 3)
    assert isinstance(renderer, Fragments), notices
    assert renderer.joints
    for slots in (2, 4, 64):
        outline = Outline.table(np.zeros((1, 1), np.int32), np.zeros((1, slots), np.int32))
        with pytest.raises(ValueError, match=f"rows of {slots} slots for programs that were compiled for 3"):
            renderer.documents(1, 9, outline.slice, spans=False)


# ── what fails at a seam ────────────────────────────────────────────────────────────────────────────────────────────


def field(slot: int, *values: str, label: int = 1) -> Field:
    return Field((Column(slot, values),), label=label)


def test_a_value_that_ends_in_a_period_is_fused_with_the_period_after_it() -> None:
    encoder = tokenizer("gpt2")
    values = tuple(f"City{i}" for i in range(2000)) + ("Washington D.C.",)  # too many to be fused for speed
    line = pieces(Text("Born in {{ city }}.", ""), {"city": field(1, *values)}, "")
    renderer, notices = compile_programs([line], encoder, SLOTS)
    assert isinstance(renderer, Fragments)
    assert not notices
    rows = np.array([[0, 2000], [0, 5]], np.int32)
    got = told(renderer, np.zeros((2, 1), np.int32), rows, spans=True)
    assert ids(got, 0) == whole(" Born in Washington D.C..", encoder)
    assert ids(got, 0)[-2] == encoder.encode([".."])[0][0], "GPT-2 joins the two periods, so the seam must fail"
    assert got.spans is not None
    (start, length, label), (start_5, length_5, _) = got.spans.values.tolist()
    assert (encoder.decode(got.tokens.values[start : start + length]), label) == (" Washington D.C..", 1)
    offset = got.tokens.offsets[1]
    assert encoder.decode(got.tokens.values[offset + start_5 : offset + start_5 + length_5]) == " City5"


def test_a_space_is_never_left_in_the_literal_before_a_value() -> None:
    compiler = Compiler(tokenizer("gpt2"), SLOTS)
    compiler.add(
        pieces(Text("A {{ a }} and {{ b }}", ""), {"a": field(1, *"xyz" * 500), "b": field(2, *"pqr" * 500)}, "")
    )
    program = compiler._programs[0]
    assert [piece.texts.rows[0] for piece in program] == [" A", " x", " and", " p"]


def test_spans_leave_out_the_words_that_were_fused_with_a_value() -> None:
    encoder = tokenizer("gpt2")
    line = pieces(Text("From ({{ city }}), he said.", ""), {"city": field(1, "Boston", "New York")}, "")
    renderer, _ = compile_programs([line], encoder, SLOTS)
    got = told(renderer, np.zeros((2, 1), np.int32), np.array([[0, 0], [0, 1]], np.int32), spans=True)
    assert got.spans is not None
    for i, city in enumerate(("Boston", "New York")):
        (start, length, label), *others = got.spans.values[got.spans.offsets[i] : got.spans.offsets[i + 1]].tolist()
        first = got.tokens.offsets[i] + start
        assert encoder.decode(got.tokens.values[first : first + length]) == city
        assert (label, others) == (1, [])


def table(slot: int, *rows: str, label: int = 0) -> Piece:
    return Piece(Texts(rows), slot, label)


def test_a_fused_piece_has_its_value_from_the_first_piece_of_it_to_the_last() -> None:
    sentence = fused(fused(literal(" in "), table(1, "Oslo", "the Bronx", label=2)), literal("."))
    assert (sentence.texts.rows, sentence.slot, sentence.label) == ((" in Oslo.", " in the Bronx."), 1, 2)
    assert sentence.values == ("Oslo", "the Bronx")
    article = fused(table(1, "", "the "), table(1, "Oslo", "Bronx", label=2))
    assert (article.texts.rows, article.values) == (("Oslo", "the Bronx"), ("Oslo", "Bronx"))
    assert fused(literal("("), fused(article, table(1, "!", "?!"))).values == ("Oslo", "Bronx")
    date = fused(fused(table(1, "May", "June", label=2), literal(" ", 2)), table(1, "1", "30", label=2))
    assert (date.texts.rows, date.values) == (("May 1", "June 30"), ("May 1", "June 30"))
    assert not fused(literal("a"), table(1, "b", "cd")).margin, "what is no value has no words around it"


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (table(1, "a", "b"), table(2, "c", "d"), "which both vary"),
        (table(1, "a", "b", label=2), table(2, "c", "d", label=2), "which both vary"),
        (fused(table(1, "a", "b", label=2), literal("-")), table(1, "c", "d", label=2), "which both vary"),
        (table(1, "a", "b", label=2), literal("c", 3), "between the values 'a' and 'c'"),
        (table(1, "a", "b"), literal("c", 3), "between 'a' and 'c'$"),
        (literal("c", 3), table(1, "a", "b"), "between 'c' and 'a'$"),
    ],
)
def test_what_varies_apart_or_is_another_value_is_never_fused(left: Piece, right: Piece, reason: str) -> None:
    with pytest.raises(Uncuttable, match=f"no sure seam .*{reason}"):
        fused(left, right)


def test_the_text_of_a_special_token_is_refused() -> None:
    with pytest.raises(SpecError, match="special token"):
        compile_programs([[literal("a <|endoftext|> b")]], tokenizer("gpt2"), SLOTS)


def test_a_piece_that_begins_a_special_token_has_no_sure_seam() -> None:
    line = [literal("a <|endof"), Piece(Column(1, ("text|>", "x")).texts, 1, 1)]
    with pytest.raises(SpecError, match="special token"):  # fused, and then seen
        compile_programs([line], tokenizer("gpt2"), SLOTS)


@pytest.mark.parametrize("kind", usual(SLOW, "unigram"))
def test_a_tokenizer_that_is_not_known_to_cut_locally_takes_the_slow_path_with_a_notice(kind: str) -> None:
    renderer, notices = compile_programs([[literal("Hello there.")]], tokenizer(kind), SLOTS)
    assert isinstance(renderer, Rendered)
    assert len(notices) == 1
    assert "slow path" in notices[0]
    assert seams_of(tokenizer(kind)).unprovable


@pytest.mark.parametrize("kind", FAST)
def test_known_tokenizers_take_the_fast_path(kind: str) -> None:
    assert not seams_of(tokenizer(kind)).unprovable


def test_two_tables_without_a_seam_cannot_be_cut() -> None:
    compiler = Compiler(tokenizer("gpt2"), SLOTS)
    with pytest.raises(Uncuttable):
        compiler.add([Piece(Column(1, ("th", "c")).texts, 1, 1), Piece(Column(2, ("e", "f")).texts, 2, 2)])


def test_two_tables_of_one_value_become_a_table_of_their_pairs() -> None:
    encoder, pairs = tokenizer("gpt2"), [("th", "e"), ("th", "f"), ("c", "e"), ("c", "f")]
    compiler = Compiler(encoder, SLOTS)
    compiler.add([Piece(Column(1, ("th", "c")).texts, 1, 1), Piece(Column(2, ("e", "f")).texts, 2, 1)])
    rows = np.zeros((4, SLOTS), np.int32)
    rows[:, 1], rows[:, 2] = [0, 0, 1, 1], [0, 1, 0, 1]
    outline = Outline.table(np.zeros((4, 1), np.int32), rows)
    made = compiler.finish().documents(4, None, lambda _: outline, spans=False).tokens
    expected = [[*encoder.encodings([f" {a}{b}"])[0].ids, encoder.eos] for a, b in pairs]
    assert [made.values[a:b].tolist() for a, b in zip(made.offsets[:-1], made.offsets[1:], strict=True)] == expected


def test_the_slow_path_finds_the_same_tokens_and_spans() -> None:
    plan = small("bioS_multi5_permute")
    source = plan.sources["biographies"]
    assert isinstance(source, Biographies)
    encoder = tokenizer("gpt2")
    scope = scope_of(Cast(source.world), NAME, "en")
    programs = [pieces(line, scope, "") for line in plan.recipe.sources["biographies"].lines("birth_date")]
    fast, _ = compile_programs(programs, encoder, SLOTS)
    slow = Rendered(tuple(map(tuple, programs)), encoder)
    item = np.arange(300, dtype=np.int64)
    rows = source.world.rows(item)
    order = (np.arange(600, dtype=np.int32) % len(programs)).reshape(300, 2)
    a, b = told(fast, order, rows, spans=True), told(slow, order, rows, spans=True)
    assert np.array_equal(a.tokens.values, b.tokens.values)
    assert a.spans is not None
    assert b.spans is not None
    assert np.array_equal(a.spans.values, b.spans.values)
    assert np.array_equal(a.spans.offsets, b.spans.offsets)


def test_expected_lengths_are_those_of_all_rows() -> None:
    encoder = tokenizer("gpt2")
    line = pieces(Text("A {{ a }}, {{ b }}.", ""), {"a": field(1, "x", "three little words"), "b": field(2, "q")}, "")
    renderer, _ = compile_programs([line], encoder, SLOTS)
    assert isinstance(renderer, Fragments)
    from fractions import Fraction

    lengths = [len(encoder.encode([f" A {a}, q."])[0]) for a in ("x", "three little words")]
    uniform = renderer.mean_lengths(lambda slot: (Fraction(1, 2),) * 2 if slot == 1 else (Fraction(1),))
    assert uniform == [Fraction(sum(lengths), 2)]
    weighted = renderer.mean_lengths(lambda slot: (Fraction(1, 4), Fraction(3, 4)) if slot == 1 else (Fraction(1),))
    assert weighted == [Fraction(lengths[0] + 3 * lengths[1], 4)]
    assert renderer.longest.tolist() == [max(lengths)]
