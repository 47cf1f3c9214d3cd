"""What the pages show is what happens: their console sessions and Python are run (tests/console)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.__main__ import report, updated
from tests.console.comparison import agrees
from tests.console.pages import ROOT, Block, blocks, pages, steps
from tests.console.server import examined
from tests.console.unrun import problems

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
RUN = [
    name for name, page in PAGES.items() if any(block.runs and not block.reason for block in blocks(page.read_text()))
]
NOT_RUN = [
    (name, block) for name, page in PAGES.items() for block in blocks(page.read_text()) if block.runs and block.reason
]


@pytest.mark.pages
@pytest.mark.parametrize("name", RUN)
def test_a_page_shows_what_happens(name: str) -> None:
    found = examined(PAGES[name])
    said = "\n".join(report(difference, PAGES[name]) for difference in found)
    assert not found, f"\n{said}\n`python -m tests.console --update {name}` writes what is printed into the page."


@pytest.mark.parametrize(("name", "block"), NOT_RUN, ids=[f"{name}:{block.first}" for name, block in NOT_RUN])
def test_a_block_that_is_not_run_is_at_least_well_formed(name: str, block: Block) -> None:
    """Skipped then, so that pytest counts and lists what the pages show without proof."""
    assert not [*problems(block)]
    pytest.skip(f"{name}:{block.first}: {block.reason}")


@pytest.mark.parametrize(
    ("language", "code", "said"),
    [
        ("console", "$ pipeline push data/tiny user/tiny --private", "unrecognized arguments: --private"),
        ("console", "$ pipeline pusch data/tiny", "not possible here"),
        ("console", "$ make push RECIPE=tiny REPO=user/tiny ARGS='--private'", "unrecognized arguments: --private"),
        ("console", "$ make pusch RECIPE=tiny", "pusch"),
        ("console", "$ python examples/trane.py tiny", "there is no examples/trane.py"),
        ("python", "import torch\nx = (", "never closed"),
        ("pycon", ">>> import torch\n>>> x = )", "unmatched"),
    ],
)
def test_what_is_not_well_formed_is_found_without_running_it(language: str, code: str, said: str) -> None:
    (problem,) = problems(Block(language, 1, tuple(code.splitlines())))
    assert said in problem


@pytest.mark.parametrize(
    ("language", "code"),
    [
        (
            "console",
            "$ pipeline push data/tiny user/tiny --public\n$ make push RECIPE=tiny REPO=user/tiny\n$ nvidia-smi",
        ),
        ("python", "import torch"),
        ("pycon", ">>> import torch\n>>> torch.cuda.is_available()\nTrue"),
    ],
)
def test_what_needs_more_than_this_machine_may_be_well_formed(language: str, code: str) -> None:
    assert not [*problems(Block(language, 1, tuple(code.splitlines())))]


PAGE = """\
# A page

```yaml title="my/few.yaml"
extends: tiny
worlds: {people: {size: 30}}
```

```console
$ grep size my/few.yaml | tr a-z A-Z
WORLDS: {PEOPLE: {SIZE: 30}}
$ make plan RECIPE=my/few.yaml SET="worlds.people.sise=1"
RecipeError: --set worlds.people.sise: unknown key. Did you mean 'size'?
make: *** [Makefile:1: plan] Error 2
$ pipeline list > names.txt; head -c 4 names.txt; echo; pwd
SHOWN
```

<!-- not run: needs a ship -->
```console
$ sail away
```

1. In a list:

   ```pycon
   >>> 6 * 7
   41
   >>> for _ in range(2):
   ...     print("again, after 3 s")
   again, after 2 s
   …
   ```

```python
raise ValueError("here")
```

```console
$ echo never
```
"""


def test_what_differs_is_reported_and_can_be_written_into_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    listed, product, failed = examined(page)
    name, folder = listed.printed.splitlines()
    assert folder == "/home/you"
    assert (listed.code, listed.shown) == ("pipeline list > names.txt; head -c 4 names.txt; echo; pwd", ("SHOWN",))
    assert (product.shown, product.printed) == (("41",), "42\n")
    assert "ValueError: here" in failed.printed
    text = updated(PAGE, [listed, product, failed])
    assert text == PAGE.replace("SHOWN", f"{name}\n/home/you").replace("   41\n", "   42\n")
    assert f"page.md:{failed.first}: raise" in report(failed, page)
    assert PAGE.splitlines()[failed.first - 1] == 'raise ValueError("here")'
    (ship,) = [block for block in blocks(PAGE) if block.reason]
    assert (ship.reason, [step.code for step in steps(ship)]) == ("needs a ship", ["sail away"])


def test_a_file_that_the_repository_has_is_shown_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = '```yaml title="recipes/tiny.yaml"\nextends: bioS_multi5_permute\n…\nshard_tokens: 65536\n```\n'
    page.write_text(text)
    assert not examined(page)
    page.write_text(text.replace("65536", "65537"))
    assert [difference.code for difference in examined(page)] == ["the file recipes/tiny.yaml"]


LONG = "word " * 16 + "so this line is over eighty characters"


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a"], "a\nb", False),
        (["a", "b"], "a b", False),
        ([], "", True),
        ([], "a", False),
        (["…"], "", True),
        (["a", "…", "d"], "a\nb\nc\nd", True),
        (["a", "…", "d"], "a\nb\nc\nd\ne", False),
        (["a […] d"], "a b c d", True),
        (["a … d"], "a b\nd", False),
        (["took 1.5 s (by this process)"], "took 12 s (by this process)", True),
        (["took 1.5 s"], "took 1.5 h", False),
        (["557 tokens/s, 1.3 GB/s"], "1,349 tokens/s, 2 GB/s", True),
        (["557 tokens"], "558 tokens", False),
        ([LONG[:80].rstrip(), LONG[80:]], LONG, True),
        ([LONG[:40].rstrip(), LONG[40:]], LONG, False),
        ([LONG[:80].rstrip(), f"  {LONG[80:]}"], LONG, False),
        (["a  b"], "a b", False),
    ],
)
def test_lines_agree_but_for_what_is_left_out_and_what_varies(shown: list[str], printed: str, expected: bool) -> None:
    assert agrees(shown, printed) is expected
