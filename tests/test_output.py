"""What is printed: nothing that others wrote reaches the terminal as a command to it, and nothing is lost unsaid."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline import cli
from pipeline.core.errors import RunError
from pipeline.core.system import output
from pipeline.core.system.escaping import CONTROLS
from pipeline.evaluate.scoring import Score, Tally

ROOT = Path(pipeline.__file__).parent
SMALL = Path(__file__).parent / "golden/small.yaml"
HOSTILE = "\x1b]0;pwned\x07\x9b31m\u202e"
SHOWN = r"\x1b]0;pwned\x07\x9b31m\u202e"
OURS = re.compile(r"\x1b\[[0-9;]*m")  # a colour
RECIPE = f"""\
# Title \u202e
worlds: {{}}
sources: {{text: {{kind: corpus, files: rows.jsonl}}}}
splits: {{train: {{mixture: {{text: {{}}}}, packing: {{length: 64}}}}}}
tokenizer: {Path(__file__).parent / "golden/byte_tokenizer.json"}
"""
QUOTED = SHOWN.replace(r"\x1b", r"\e").replace(r"\x07", r"\a")  # as YAML writes it, which refuses it as it is
TEMPLATE = f'["{{{{ name }}}} {{{{ {QUOTED} }}}}."]'
OVER = f"extends: tiny\nsources: {{biographies: {{sentences: [birth_city], templates: {{birth_city: {TEMPLATE}}}}}}}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A recipe of a stranger, what was built from it, and other files with names and contents like that."""
    folder = tmp_path_factory.mktemp(HOSTILE.replace("/", ""))
    (folder / "rows.jsonl").write_text(json.dumps({"text": f"row\n{HOSTILE}\tend"}) + "\n")
    (folder / "recipe.yaml").write_text(RECIPE, "utf-8")
    (folder / "template.yaml").write_text(OVER)
    (folder / "broken.yaml").write_text(f'worlds: {{"{QUOTED}": {{size: 3}}}}\n')
    (folder / "answers.jsonl").write_text(json.dumps({"prediction": HOSTILE, "prompt": HOSTILE}) + "\n")
    np.save(folder / "losses.npy", np.zeros((1, 1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        assert cli.run(["build", "recipe.yaml", "--executor", "inline", "--out", "data"]) == 0
        (folder / f"data/train/{HOSTILE}").write_text("no shard")
        yield folder


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        ("plan recipe.yaml", 0, r"Title \u202e"),
        ("plan template.yaml", 2, "not a Jinja2 template: unexpected char"),
        ("plan broken.yaml", 2, SHOWN),
        ("plan recipe.yaml --set HOSTILE=1", 2, SHOWN),
        ("plan HOSTILE", 2, SHOWN),
        ("plan ./HOSTILE", 2, SHOWN),
        ("preview recipe.yaml", 0, f"row\n{SHOWN}\tend"),
        ("preview recipe.yaml --color always", 0, f"row\n{SHOWN}\tend"),
        ("preview recipe.yaml --source HOSTILE", 2, SHOWN),
        ("where recipe.yaml --source text --item 0", 0, rf"row\n{SHOWN}"),
        ("build recipe.yaml --executor inline --out HOSTILE", 0, f"{SHOWN}: 1 shard built"),
        ("verify data", 1, f"train/{SHOWN}: "),
        ("verify HOSTILE-none", 2, SHOWN),
        ("report data --recipe recipe.yaml --out HOSTILE.html", 0, f"{SHOWN}.html: "),
        ("export data --to parquet --out HOSTILE-parquet", 0, f"{SHOWN}-parquet: parquet"),
        ("export data --to HOSTILE", 2, SHOWN),
        ("export data --to parquet --split HOSTILE", 2, SHOWN),
        ("push data HOSTILE/name", 2, SHOWN),
        ("score data answers.jsonl --split HOSTILE", 2, SHOWN),
        ("capacity data HOSTILE.npy --split train", 2, ""),
        ("check data answers.jsonl --split HOSTILE", 2, SHOWN),
        ("check answers.jsonl --kind HOSTILE", 2, SHOWN),
        ("check HOSTILE.jsonl", 2, SHOWN),
        ("schema", 0, ""),
        ("list", 0, ""),
    ],
)
def test_control_characters_of_others_are_written_out(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: str, code: int, shown: str
) -> None:
    assert cli.run([part.replace("HOSTILE", HOSTILE) for part in arguments.split()]) == code
    said = printed(capsys)
    assert shown in said
    assert set(CONTROLS.findall(OURS.sub("", said))) <= {"\n", "\t"}


@pytest.mark.parametrize(
    "arguments",
    [["plan", "tiny", HOSTILE], [HOSTILE], ["where", "tiny", "--item", HOSTILE], ["preview", "tiny", "-n", HOSTILE]],
)
def test_control_characters_of_arguments_are_written_out(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.run(arguments)
    said = printed(capsys)
    assert r"\x1b]0;pwned" in said
    assert set(CONTROLS.findall(said)) == {"\n"}


def test_titles_in_the_library_and_names_of_questions_are_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"{HOSTILE}.yaml").write_text(f"# Title {HOSTILE}\n", "utf-8")
    monkeypatch.setattr("pipeline.recipe.paths.library", lambda _: tmp_path)
    monkeypatch.setattr("pipeline.laboratory.experiment.library", lambda _: tmp_path / "none")
    assert cli.run(["list"]) == 0
    assert printed(capsys).split() == [SHOWN, "Title", SHOWN]
    table = Score("exam", {HOSTILE: Tally(1, 1, 0, 0, 0.5), "q": Tally(2, 1, 0, 0, 0.5)}).lines()
    assert SHOWN in table[1]
    assert len({len(line) for line in table}) == 1, "the columns stand below each other"


def test_what_libraries_warn_of_is_one_line_of_ours() -> None:
    program = "from pipeline.core.system import output; import warnings; output.prepare()\n"
    program += f"warnings.warn({HOSTILE!r} + chr(10))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", rf"warning: {SHOWN}\n" + "\n")


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_json({HOSTILE: "\x7f\n"})
    said = capsys.readouterr().out
    assert json.loads(said) == {HOSTILE: "\x7f\n"}
    assert set(CONTROLS.findall(said)) == {"\n"}


def test_nothing_is_printed_by_another_way() -> None:
    """Processes that speak by way of pipes print into those; `isatty` prints nothing."""
    own = {"core/system/output.py", "core/faker_values.py", "core/faker_process.py", "sources/own/other_process.py"}
    prints = set()
    for file in ROOT.rglob("*.py"):
        text = file.read_text("utf-8")
        for node in ast.walk(ast.parse(text if re.search("print|stdout|stderr", text) else "")):
            match node:
                case ast.Call(func=ast.Name(id="print")):
                    prints.add(file.relative_to(ROOT).as_posix())
                case ast.Attribute(value=ast.Attribute(attr="stdout" | "stderr"), attr="write" | "buffer"):
                    prints.add(file.relative_to(ROOT).as_posix())
    assert prints == own


# ── streams that cannot take everything, or nothing ─────────────────────────────────────────────────────────────────


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = command.replace("PIPELINE", f"{sys.executable} -m pipeline")
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent), **variables}
    return subprocess.run(["bash", "-c", command], capture_output=True, env=environment)


BOTH = """
import sys
from pipeline import cli
for recipe in sys.argv[1:]:
    try:
        cli.main(["plan", recipe])
    except SystemExit as end:
        assert end.code == 2 * (recipe != sys.argv[1])
"""


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        pytest.param({"PYTHONIOENCODING": "latin-1:strict"}, marks=pytest.mark.slow),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_what_an_encoding_lacks_is_written_out(tmp_path: Path, variables: dict[str, str]) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"# Töne – 東\nextends: {SMALL}\n", "utf-8")
    done = shell(f"{sys.executable} -c '{BOTH}' {recipe} ./東.yaml", **variables)
    title = "Töne" if "latin" in str(variables) else "T\\xf6ne"
    assert done.stdout.decode("latin-1").splitlines()[0] == rf"{title} \u2013 \u6771"
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


FULL = "RunError: stdout: cannot be written: No space left on device. Give it another place.\n"
CLOSED = "RunError: stdout: cannot be written: Bad file descriptor. Give it another place.\n"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("PIPELINE --help > /dev/full", 1, FULL),
        ("PYTHONUNBUFFERED=1 PIPELINE --help > /dev/full", 1, FULL),
        ("PIPELINE schema > /dev/full", 1, FULL),  # longer than what is kept until it is written
        ("PIPELINE --help >&-", 1, CLOSED),
        ("PIPELINE --help <&- >&-", 1, CLOSED),
        ("PIPELINE list >&- 2>&-", 1, ""),
        ("PIPELINE --help > /dev/full 2> /dev/full", 1, ""),
        ("PIPELINE score none none --split x 2> /dev/full", 2, ""),
        ("PIPELINE score none none --split x 2>&-", 2, ""),
        ("PIPELINE plan 2>&-", 2, ""),
        ("PIPELINE --help 2>&- > /dev/null", 0, ""),
        pytest.param(  # test_cli has it
            "set -o pipefail; PIPELINE schema | head -n 1 > /dev/null", 0, "", marks=pytest.mark.slow
        ),
        ("set -o pipefail; PIPELINE --help | true", 0, ""),
    ],
)
def test_an_output_that_cannot_be_written_is_one_line_and_no_success(command: str, code: int, said: str) -> None:
    done = shell(command, PYTHONUNBUFFERED="")
    assert (done.returncode, done.stdout, done.stderr.decode()) == (code, b"", said)


def test_no_file_takes_the_place_of_a_stream_that_is_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Else what is printed would land in a file of the dataset."""
    build = f"PIPELINE build {SMALL} --executor inline --out {tmp_path}/data"
    assert shell(f"{build} <&- >&- 2>&-").returncode == 1, "what was built could not be said"
    assert cli.run(["verify", str(tmp_path / "data")]) == 0
    program = "from pipeline.core.system import output; output.prepare(); import os; print(os.open('/dev/null', 0))"
    opened = shell(f'{sys.executable} -c "{program}" <&- 2>&-')
    assert int(opened.stdout) > 2


def test_a_stream_that_fails_is_told_of_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        output.say("lost")
        with pytest.raises(RunError, match="No space left on device"):
            output.flush()
        output.say("nowhere")
        output.flush()


def test_a_stream_in_memory_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = io.StringIO()
    monkeypatch.setattr(sys, "stdout", memory)
    output.say("a\nb")
    output.flush()
    assert memory.getvalue() == "a\\nb\n"
