"""A card that a person and we write together: their words stay, ours are written anew and verified."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.build.verification import verify
from pipeline.dataset.card import card, header
from pipeline.dataset.card_marks import Marked, fault, kept, readable, reconciled
from pipeline.dataset.card_on_hub import on_hub
from pipeline.dataset.manifest import Manifest
from pipeline.plan.plan import Plan
from pipeline.storage import LocalFolder
from tests.conftest import built, contents

BEGIN = re.compile(r"<!-- pretraining-recipes: begin blake3:[0-9a-f]{64} -->\n")
END = "<!-- pretraining-recipes: end -->\n"


@pytest.fixture(scope="module")
def text(undisturbed: Path) -> str:
    return (undisturbed / "README.md").read_text()


@pytest.fixture
def out(tmp_path: Path, undisturbed: Path) -> Path:
    shutil.copytree(undisturbed, tmp_path / "data")
    return tmp_path / "data"


def before(text: str, words: str) -> str:
    """A card with words before our part."""
    return BEGIN.sub(lambda mark: words + mark[0], text)


def keyed(text: str, lines: str) -> str:
    """A card with lines at the end of its header."""
    return re.sub(r"\A(---\n.*?\n)---\n", lambda found: f"{found[1]}{lines}---\n", text, flags=re.DOTALL)


def test_our_part_stands_between_two_marks_after_the_header(text: str) -> None:
    assert len(BEGIN.findall(text)) == 1
    assert text.endswith(END)
    assert re.match(r"---\n.*?\n---\n<!-- pretraining-recipes: begin [^\n]*\n# data\n", text, re.DOTALL)


WORDS = {
    "before": lambda text: before(text, "**Mine.** See the paper.\n\n"),
    "after": lambda text: text + "\n## My notes\n\n```python\nfrom datasets import load_dataset\n```\n",
    "a key": lambda text: keyed(text, "language:\n- en\npretty_name: 'Mine: all'\n"),
    "a licence": lambda text: text.replace("---\n", "---\nlicense: mit\n", 1),
    "all of it": lambda text: keyed(before(text, "Mine.\n\n"), "language: en\n") + "Mine.\n",
}


@pytest.mark.parametrize("written", WORDS.values(), ids=WORDS)
def test_what_a_person_has_written_around_our_part_stays_and_is_no_fault(
    undisturbed: Path, text: str, written: Callable[[str], str]
) -> None:
    manifest, there = Manifest.of(LocalFolder(undisturbed)), written(text)
    assert there != text
    assert fault(there.encode(), header(manifest), manifest.fingerprint) == ""
    assert kept(text, there) == there
    changed = there.replace("Token ids, packed", "Words, packed")
    assert fault(changed.encode(), header(manifest), manifest.fingerprint) == "our part has changed"
    assert kept(text, changed) == there


@pytest.mark.parametrize("words", [*WORDS])
def test_builds_leave_what_a_person_has_written_and_verify_finds_no_fault_in_it(
    out: Path, plan: Plan, text: str, words: str
) -> None:
    written = WORDS[words]
    path = out / "README.md"
    path.write_text(written(text))
    assert verify(out) == []
    path.write_text(written(text).replace("Token ids, packed", "Words, packed"))
    assert verify(out) == ["README.md: our part has changed"]
    built(plan, out)
    assert path.read_text() == written(text)
    path.write_text(written(text))
    for name in ("manifest.json", "train/shard-00000-of-00006.arrow"):
        (out / name).unlink()
    built(plan, out)
    assert path.read_text() == written(text)


def test_datasets_reads_the_header_that_both_have_written(out: Path, text: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    (out / "README.md").write_text(WORDS["all of it"](WORDS["a key"](text)))
    data = load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert data.num_rows == Manifest.of(LocalFolder(out)).splits["train"]["sequences"]


def test_keys_at_any_place_stay_and_ours_are_ours(text: str) -> None:
    there = keyed(text, "language: en\n").replace("tags: [synthetic, pretraining]", "tags: [other]\nextra: 1", 1)
    found = kept(text, there)
    told = yaml.safe_load(found.split("---\n")[1])
    assert told == {**yaml.safe_load(text.split("---\n")[1]), "language": "en", "extra": 1}
    assert kept(text, found) == found


def test_a_card_without_marks_is_a_persons_and_ours_comes_after_it(out: Path, plan: Plan, text: str) -> None:
    path = out / "README.md"
    path.write_text("---\nlicense: mit\nconfigs: nonsense\n---\n# Mine\n\nAll of it is.\n")
    assert verify(out) == ["README.md: the marks around our part are damaged"]
    built(plan, out)
    body = text.partition("---\n")[2].partition("---\n")
    assert path.read_text() == f"---\nlicense: mit\n{body[0]}---\n# Mine\n\nAll of it is.\n\n{body[2]}"
    assert verify(out) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: BEGIN.sub("", text),
        lambda text: text.replace(END, ""),
        lambda text: text.replace(END, END * 2),
        lambda text: BEGIN.sub(lambda mark: mark[0] * 2, text),
        lambda text: text + "".join(BEGIN.findall(text)) + "# data\n" + END,
        lambda text: text.replace("begin blake3:", "begin blake4:"),
        lambda text: text.replace(": begin", ": bogin"),
        lambda text: text.replace("\n---\n", "\n-.-\n", 1),
        lambda text: text.replace("---\n", "+--\n", 1),
        lambda text: text.replace("tags:", "tags: [a]\ntags:", 1),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
    ],
)
def test_damaged_marks_and_fences_are_mended(text: str, damage: Callable[[str], str], undisturbed: Path) -> None:
    manifest = Manifest.of(LocalFolder(undisturbed))
    assert damage(text) != text
    assert fault(damage(text).encode(), header(manifest), manifest.fingerprint)
    assert kept(text, damage(text)) == text


def test_words_around_damaged_marks_stay(text: str) -> None:
    there = before(text, "Mine.\n\n") + "Mine, too.\n"
    assert kept(text, there.replace(END, END * 2)) == there
    twice = there + "".join(BEGIN.findall(text)) + "# data\n" + END + "And mine.\n"
    assert kept(text, twice) == there + "And mine.\n"


def test_a_card_that_has_lost_a_mark_is_put_aside(out: Path, plan: Plan, text: str) -> None:
    """What was above our part, and what was in it, cannot be told apart then."""
    path, aside = out / "README.md", out / ".pipeline/README.md"
    path.write_text(before(text, "Mine.\n\n"))
    built(plan, out)
    assert not aside.exists()
    torn = BEGIN.sub("", before(text, "Mine.\n\n"))
    path.write_text(torn)
    built(plan, out)
    assert path.read_text() == text
    assert aside.read_text() == torn


def test_every_byte_of_our_part_and_of_the_header_counts(text: str, undisturbed: Path) -> None:
    manifest = Manifest.of(LocalFolder(undisturbed))
    expected = header(manifest)
    assert fault(text.encode(), expected, manifest.fingerprint) == ""
    assert fault(text.encode(), expected, "0" * 64) == "our part has changed"
    for at in range(len(text.encode())):
        data = bytearray(text.encode())
        data[at] ^= 1
        assert fault(bytes(data), expected, manifest.fingerprint), at
    for length in range(len(text.encode())):
        assert fault(text.encode()[:length], expected, manifest.fingerprint), length
    for length in range(text.index("tags:"), len(text)):
        assert kept(text, text[:length]) == text, length


def test_marks_in_a_document_are_no_marks() -> None:
    part = f"# x\n```text\n{END}a\n```\n"
    made = Marked("", "tags: [x]\n", "", part, "").text
    assert made.count(END) == 1
    assert kept(made, made) == made


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.binary(max_size=60))
def test_no_card_is_more_than_kept(undisturbed: Path, words: str, data: bytes) -> None:
    """Whatever stands there: what comes out has our part once, and is its own fixed point."""
    fresh = (undisturbed / "README.md").read_text()
    for there in (words, before(fresh, words + "\n"), fresh + words, words + fresh, readable(data)):
        once = kept(fresh, there)
        assert len(BEGIN.findall(once)) == once.count(END) == 1
        assert kept(fresh, once) == once


def test_a_renamed_folder_has_a_new_card_with_the_old_words(out: Path, plan: Plan, text: str) -> None:
    (out / "README.md").write_text(text + "Mine.\n")
    moved = out.rename(out.with_name("renamed"))
    assert verify(moved) == []
    manifest = (moved / "manifest.json").read_bytes()
    built(plan, moved)
    found = (moved / "README.md").read_text()
    assert found == card(plan, Manifest.of(LocalFolder(moved)), "renamed") + "Mine.\n"
    assert (moved / "manifest.json").read_bytes() == manifest


# ── here and on the Hub ─────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_has_the_newer_words_is_kept(text: str) -> None:
    """here: the folder's card; there: the one that was sent, changed or not."""

    def sent(here: str) -> str:
        return on_hub(here, "user/name", "")

    assert reconciled(text, sent(text)) == text
    assert reconciled(text + "New.\n", sent(text)) == text + "New.\n"
    assert reconciled(text, sent(text + "Old.\n")) == text
    assert reconciled(text, sent(text) + "Theirs.\n") == text + "Theirs.\n"
    assert reconciled(text, keyed(sent(text), "language: en\n")) == keyed(text, "language: en\n")
    assert reconciled(text + "New.\n", sent(text) + "Theirs.\n") is None
    assert reconciled(text + "New.\nTheirs.\n", sent(text) + "Theirs.\n") == text + "New.\nTheirs.\n"
    assert reconciled(text, "To come.\n") == before(text, "To come.\n\n")
    assert reconciled(text + "New.\n", "To come.\n") is None


def test_a_card_that_comes_back_from_the_hub_is_verified(out: Path, text: str) -> None:
    (out / "README.md").write_text(on_hub(text, "user/name", "license: mit\n") + "Theirs.\n")
    assert verify(out) == []


def test_a_persons_snippet_is_not_taken_for_ours(text: str) -> None:
    snippet = '```python\nfrom datasets import load_dataset\n\ndata = load_dataset("mine", split="train")\n```\n'
    sent = on_hub(before(text, snippet + "\n"), "user/name", "")
    assert snippet in sent
    assert sent.count('load_dataset("user/name", split="train")') == 1


def test_noise_is_replaced(out: Path, plan: Plan, undisturbed: Path) -> None:
    assert readable(b"\0") is readable(random.Random(1).randbytes(100)) is None
    (out / "README.md").write_bytes(os.urandom(1000))
    built(plan, out)
    assert contents(out) == contents(undisturbed)
