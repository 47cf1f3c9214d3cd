"""A token that reaches over the bar between two parts belongs to exactly one, whatever the tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from pipeline.core.documents import ROLES, Documents
from pipeline.core.table import Strings
from pipeline.plan.plan import Plan
from pipeline.shard.shard import make_shard
from pipeline.text.offsets import tokens_within
from tests.plans import plan_at, usual

EOS = "<|endoftext|>"


@pytest.mark.parametrize(
    ("text", "offsets", "ends", "expected"),
    [
        ("Where? Answer: Oslo.", [(0, 5), (5, 20)], [6, 20], [1, 1]),  # over the bar: of the answer
        ("Where? Answer: Oslo.", [(0, 20)], [6, 20], [0, 1]),  # all in one
        (" Where does Anya live? Answer: Oslo.", [(0, 6), (6, 11), (11, 16), (16, 36)], [22, 36], [3, 1]),
        ("Where? Answer: Oslo.", [(0, 20)], [0, 3, 6, 14, 20], [0, 0, 0, 0, 1]),
        ("Where? Oslo. Who?", [(0, 7), (7, 13), (13, 17)], [6, 12, 17], [1, 1, 1]),  # a blank at the end counts not
        ("a  b", [(0, 1), (1, 3), (3, 4)], [1, 4], [1, 2]),  # blanks alone, behind the bar
        ("a  b", [(0, 1), (1, 3), (3, 4)], [2, 4], [1, 2]),  # and over it
        ("é b", [(0, 1), (0, 1), (1, 2), (1, 3)], [1, 3], [2, 2]),  # two tokens are one character
        ("aé b", [(0, 2), (1, 3), (3, 4)], [2, 4], [2, 1]),  # the second ends a character and shows a blank
        ("ab", [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)], [1, 2], [2, 3]),  # tokens of no character
        ("ab", [(0, 2), (0, 1)], [1, 2], [0, 2]),  # an order that goes back is not followed
        ("", [], [0, 0], [0, 0]),
    ],
)
def test_every_token_is_of_the_stretch_where_its_last_visible_character_lies(
    text: str, offsets: list[tuple[int, int]], ends: list[int], expected: list[int]
) -> None:
    assert tokens_within(offsets, text, ends).tolist() == expected


# ── documents of sources, by tokenizers that know of no words ───────────────────────────────────────────────────────

RECIPE = """\
extends: bioS_single
worlds: {people: {size: 24}}
sources:
  biographies:
    sentences: [birth_city, major]
    templates:
      birth_city: ["{{ subject }} was born in {{ birth_city }}.", "{{ birth_city }} saw {{ subject }}'s birth."]
      major: ["{{ subject }} studied {{ major }}.", "{{ subject_possessive }} subject was {{ major }}."]
    full_name: first
    mistakes: {corrected: 0.5, back: {text: Wait!}}
    mask: [mistake]
    tag: {text: 'A:'}
  questions:
    kind: questions
    world: people
    tag: {text: 'Quiz Nº1:'}
    hints: {rate: 0.5, hinted: {text: 'Think:'}, direct: {text: Now.}}
    mask: [prompt]
    templates:
      city: ['Où did {{ name }} live? | {{ birth_city }}; | Answer: {{ birth_city }}.']
      major: ['{{ name }}: which major? | {{ major }}']
  tagged: {extends: questions, tag: <quiz>, hints: {rate: 0.5}, mask: [tag, hint]}
  steps:
    kind: hops
    world: people
    attribute: birth_city
    people: 2
    hops: 2
    instances: 12
    tag: {text: 'Né:'}
    templates:
      year: ['{{ name }} comes from {{ birth_city }}.']
      same: ['{{ name }} and {{ other_name }} are neighbours.']
      question: ['Where is {{ name }} from? | From {{ birth_city }}.']
  text: {kind: corpus, files: rows.txt, tag: {text: 'Wikipédia.org:'}, mask: [tag]}
splits:
  train: {mixture: {biographies: {exposures: 1}}, packing: {length: 64}, columns: [loss_mask, parts]}
  exam: {mixture: {questions: {exposures: 1}}, packing: {method: rows, length: 192}, columns: [loss_mask, answers]}
  corpus: {mixture: {text: {exposures: 1}}, packing: {method: rows, length: 192}, columns: [loss_mask, parts]}
  more: {mixture: {tagged: {exposures: 1}, steps: {exposures: 1}}, packing: {length: 64}, columns: [loss_mask, parts]}
shard_tokens: 16384
tokenizer: {name: NAME}
"""
ROWS = ["a row of text", " and one  with blanks ", "é", "", ". . ."] + 12 * ["a row of text again"]
SOURCES = ("biographies", "questions", "tagged", "steps", "text")
KINDS = ("bpe", "bytes", "nfd", "unigram", "llama", "lines", "words")


FOLDER = TemporaryDirectory()  # of tokenizers and rows, which are read where they lie


@cache
def plan_with(name: str) -> Plan:
    folder = Path(FOLDER.name)
    (folder / "rows.txt").write_text("\n".join(ROWS) + "\n")
    if name != "gpt2":
        made(name).save(str(folder / f"{name}.json"))
    return plan_at(folder / f"{name}.yaml", RECIPE.replace("NAME", name if name == "gpt2" else f"{name}.json"))


def made(kind: str) -> tokenizers.Tokenizer:
    """One whose tokens are pieces of the documents themselves, over every bar."""
    texts = ["".join(text for text, _ in parts) for source in SOURCES for parts in pieces(source)]
    model: models.Model = models.Unigram() if kind == "unigram" else models.BPE(byte_fallback=kind == "llama")
    if kind == "lines":
        model = models.WordLevel(
            {EOS: 0, "<unk>": 1, **{text: i for i, text in enumerate(sorted({*texts}), 2)}}, "<unk>"
        )
    backend = tokenizers.Tokenizer(model)
    alphabet: list[str] = []
    if kind in ("bytes", "words"):
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "words")
        backend.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    elif kind == "nfd":
        backend.normalizer = normalizers.NFD()
    elif kind == "llama":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        backend.decoder = decoders.Replace("▁", " ")
    elif kind == "unigram":
        backend.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
        backend.decoder = decoders.Metaspace(split=False)
    if kind == "unigram":
        backend.train_from_iterator(
            texts,
            trainers.UnigramTrainer(
                vocab_size=1500,
                special_tokens=[EOS, "<unk>"],
                unk_token="<unk>",
                max_piece_length=64,
                show_progress=False,
            ),
        )
    elif kind != "lines":
        trainer = trainers.BpeTrainer(
            vocab_size=2000, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False
        )
        backend.train_from_iterator(texts, trainer)
    backend.add_special_tokens([tokenizers.AddedToken(EOS, special=True, normalized=False)])
    return backend


def documents_of(plan: Plan, source: str) -> Documents:
    items = np.arange(min(len(plan.sources[source]), 60))
    return plan.sources[source].documents(items, np.zeros_like(items), spans=False, parts=True)


def painted(documents: Documents) -> Iterator[tuple[list[int], list[int]]]:
    """The ids of each document without its end token, and the role of each, of which it has one."""
    assert documents.parts is not None
    for i in range(len(documents)):
        first, end = documents.tokens.offsets[i : i + 2]
        ids = documents.tokens.values[first : end - 1].tolist()
        role = np.zeros(len(ids), np.int64)
        for start, length, number in documents.parts.values[slice(*documents.parts.offsets[i : i + 2])].tolist():
            assert not role[start : start + length].any(), "a token has one role"
            assert start + length <= len(ids)
            role[start : start + length] = number
        yield ids, role.tolist()


@cache
def pieces(source: str) -> list[list[tuple[str, int]]]:
    """Of each document the texts that are of one role, as GPT-2's tokenizer finds them, which cuts at every bar."""
    plan = plan_with("gpt2")
    found = []
    for ids, role in painted(documents_of(plan, source)):
        bounds = [0, *(np.flatnonzero(np.diff(role)) + 1).tolist(), len(ids)]
        cuts = pairwise(bounds)
        found.append([(plan.tokenizer.decode(np.array(ids[a:b])), role[a]) for a, b in cuts])
    return found


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", usual(KINDS, "bpe", "unigram", "llama"))
def test_every_token_has_the_role_of_its_last_visible_character(kind: str, source: str) -> None:
    plan = plan_with(kind)
    encode = plan.tokenizer.backend.encode
    over = 0
    for (ids, role), parts in zip(painted(documents_of(plan, source)), pieces(source), strict=True):
        text, roles = "".join(text for text, _ in parts), [number for text, number in parts for _ in text]
        encoding = encode(text, add_special_tokens=False)
        assert ids == encoding.ids
        for (begin, end), found in zip(encoding.offsets, role, strict=True):
            seen = [i for i in range(begin, end) if not text[i].isspace()] or [max(begin, end - 1)]
            assert found == roles[seen[-1]], (text[begin:end], ROLES[found])
            over += len({roles[i] for i in seen}) > 1
    assert (over > 0) == (kind != "words"), "tokens do reach over bars, or the test shows nothing"


def texts_of(column: object) -> list[str]:
    assert isinstance(column, Strings)
    return [column.bytes[a:b].tobytes().decode() for a, b in pairwise(column.offsets.tolist())]


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_has_all_the_loss_and_prompt_and_answer_are_the_document(kind: str) -> None:
    """With `mask: [prompt]`: no token of an answer is without loss, and what is asked and answered is all there is."""
    plan = plan_with(kind)
    columns = make_shard(plan, "exam", 0).columns
    ids, mask, length = (np.asarray(columns[name]) for name in ("input_ids", "loss_mask", "length"))
    asked = {role: texts_of(columns[role]) for role in ("prompt", "hint", "answer")}
    answers = texts_of(make_shard(plan_with("gpt2"), "exam", 0).columns["answer"])

    def bare(text: str) -> str:  # decoders make of the spaces inside a first token what they like
        return text.replace(" ", "")

    for i in range(len(ids)):
        document, loss = ids[i, : length[i] - 1], mask[i, : length[i] - 1]
        masked = np.flatnonzero(loss == 0)
        answered = document[masked.max(initial=-1) + 1 :] if len(masked) else document
        said = [bare(asked[role][i]) for role in ("prompt", "hint", "answer")]
        assert "".join(said) == bare(plan.tokenizer.decode(document))
        if len(masked):
            assert said[1] + said[2] == bare(plan.tokenizer.decode(answered))
        assert said[2].endswith(bare(answers[i])) or said[2] == "<unk>", "no character of the answer is in the prompt"
        assert mask[i, length[i] - 1] == 1, "the end token has loss"
        assert not mask[i, length[i] :].any()
