"""Mistakes that no test notices: `python -m tests.mutants --count 60 --seed NAME`.

A mutant is the package with one small mistake in one place: a comparison turned round, a constant one off, a condition
negated, a `raise` left out. The tests run against each, in a copy of the repository with its machine code, until the
first of them fails: those of files that import the changed module first, the nearest before the others, then all. A
mutant that no test notices is a line that could be wrong, or one that makes no difference; somebody has to look.

Which mutants are drawn depends on the seed and on the line, not on the rest of the file: most of them stay the same
when the program changes, and a mutant has the same name in every run. Results go to a JSON file after each mutant; the
same command goes on where it was stopped, and `--compare` says what another run caught and this one did not.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline"
TESTS = ROOT / "tests"
LEFT_OUT = ("data", "dist", "build")  # and what begins with a dot

# ── what can be wrong ───────────────────────────────────────────────────────────────────────────────────────────────

OTHER: dict[type, tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
Mistake = tuple[str, ast.AST, str]
"""Its kind, the node that is replaced, and by what."""


@dataclass(frozen=True)
class Mutant:
    """One mistake: the bytes `start:end` of a file replaced. copy: which one of those that are alike in a line."""

    file: str
    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int
    text: str
    copy: int

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that stay the same while the line does."""
        return digest(self.file, self.kind, self.text, self.before, self.after, self.copy)[:8]

    def source(self) -> bytes:
        """The file with the mistake."""
        old = (ROOT / self.file).read_bytes()
        return old[: self.start] + self.after.encode() + old[self.end :]


def digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def mistakes(node: ast.AST) -> Iterator[Mistake]:
    """What could be wrong at a node."""
    match node:
        case ast.Compare(ops=[op]):
            yield from (("comparison", node, changed(node, ops=[other()])) for other in OTHER[type(op)])
        case ast.BinOp(op=ast.Add() | ast.Sub()) if not (is_text(node.left) or is_text(node.right)):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield "sum", node, changed(node, op=other)
        case ast.BoolOp():
            yield "and/or", node, changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.Constant(value=bool()):
            yield "truth", node, str(not node.value)
        case ast.Constant(value=int()):
            yield from (("constant", node, f"({node.value + step})") for step in (1, -1))
        case ast.If() | ast.While() | ast.IfExp():
            yield "condition", node.test, f"(not ({ast.unparse(node.test)}))"
        case ast.comprehension():
            yield from (("condition", test, f"(not ({ast.unparse(test)}))") for test in node.ifs)
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield "return", node.value, "None"
        case ast.Raise():
            yield "raise", node, "pass"
        case ast.arguments():
            given = [default for default in (*node.defaults, *node.kw_defaults) if isinstance(default, ast.Constant)]
            yield from (("default", default, "1") for default in given if default.value is None)
            yield from (("default", default, "'?'") for default in given if isinstance(default.value, str))


def changed(node: ast.AST, **fields: Any) -> str:
    """The text of a node with other fields, in parentheses."""
    kept = {name: getattr(node, name) for name in node._fields}
    return f"({ast.unparse(type(node)(**{**kept, **fields}))})"


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those below, without types, messages and what is not run."""
    yield node
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for below in value if isinstance(value, list) else [value]:
            if isinstance(below, ast.AST) and not (
                isinstance(below, ast.If) and "TYPE_CHECKING" in ast.dump(below.test)
            ):
                yield from nodes(below)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mistake that could be in a file."""
    source = path.read_bytes()
    lines = source.split(b"\n")
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line) + 1)
    seen: Counter[tuple[str, ...]] = Counter()
    for node in nodes(ast.parse(source)):
        for kind, part, after in mistakes(node):
            assert isinstance(part, ast.expr | ast.stmt)
            assert part.end_lineno is not None
            assert part.end_col_offset is not None
            start, end = begins[part.lineno - 1] + part.col_offset, begins[part.end_lineno - 1] + part.end_col_offset
            before, text = source[start:end].decode(), lines[part.lineno - 1].decode().strip()
            seen[kind, text, before, after] += 1
            copy, file = seen[kind, text, before, after], str(path.relative_to(ROOT))
            yield Mutant(file, part.lineno, kind, before, after, start, end, text, copy)


def drawn(seed: str, count: int) -> list[Mutant]:
    """So many mutants of the whole package."""
    everything = (mutant for path in sorted(PACKAGE.rglob("*.py")) for mutant in mutants_of(path))
    return sorted(everything, key=lambda mutant: digest(seed, mutant.name))[:count]


# ── which tests run first ───────────────────────────────────────────────────────────────────────────────────────────


@cache
def imports(path: Path) -> frozenset[Path]:
    """The files of the repository that one imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    places = [ROOT.joinpath(*name.split(".")) for name in names if name.partition(".")[0] in ("pipeline", "tests")]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return frozenset(file for file in files if file.is_file())


def distance(start: Path, end: Path) -> int:
    """Over how many imports a file reaches another; 99 where it does not, as with kinds that a registry finds."""
    reached, edge, steps = {start}, {start}, 0
    while end not in reached and edge:
        edge = {file for of in edge for file in imports(of)} - reached
        reached |= edge
        steps += 1
    return steps if end in reached else 99


def in_order(files: Sequence[Path], changed: Path) -> list[str]:
    """Files of tests: the nearest to a module first, and of those equally near the ones that name it most."""
    word = changed.parent.name if changed.stem == "__init__" else changed.stem

    def key(test: Path) -> tuple[int, int, str]:
        return distance(test, changed), -test.read_text("utf-8").count(word), test.name

    return [str(test.relative_to(ROOT)) for test in sorted(files, key=key)]


# ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Result:
    """What became of a mutant. outcome: caught, survived, or late (no test had failed when the time was up)."""

    mutant: Mutant
    outcome: str
    by: str
    seconds: float

    def line(self) -> str:
        mutant, what = self.mutant, f"{self.mutant.before} → {self.mutant.after}"
        shown = what if len(what) < 100 else f"{what[:60]}…{what[-36:]}"
        place = f"{mutant.file}:{mutant.line}"
        return f"{self.outcome:8} {mutant.name} {self.seconds:4.0f} s  {place}: {' '.join(shown.split())}  {self.by}"


@dataclass
class Tree:
    """A copy of the repository in a folder of its own."""

    folder: Path
    tree: Path = field(init=False)

    def __post_init__(self) -> None:
        self.tree = self.folder / "tree"
        self.tree.mkdir()
        for path in ROOT.iterdir():
            if path.is_dir() and not path.name.startswith(".") and path.name not in LEFT_OUT:
                shutil.copytree(path, self.tree / path.name, symlinks=True)
            elif path.is_file():
                shutil.copy2(path, self.tree)
        (self.folder / "tmp").mkdir()

    def tests(self, which: Sequence[str], limit: float) -> tuple[int | None, list[str]]:
        """The exit code of pytest, None where the time was up, and the tests that failed."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *which]
        env = os.environ | {"PYTHONPATH": str(self.tree), "TMPDIR": str(self.folder / "tmp")}
        with subprocess.Popen(
            command, cwd=self.tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as process:
            try:
                output = process.communicate(timeout=max(limit, 1))[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return None, []
        return process.returncode, re.findall(r"^(?:FAILED|ERROR) (tests/.*?)(?: - .*)?$", output, re.MULTILINE)


def judged(mutant: Mutant, files: Sequence[Path], limit: float) -> Result:
    """Run tests against a mutant until one fails. The nearest dozen are a run of their own: most need no more."""
    start = time.monotonic()
    order = in_order(files, ROOT / mutant.file)
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        tree = Tree(Path(folder))
        (tree.tree / mutant.file).write_bytes(mutant.source())
        for some in filter(None, (order[:12], order[12:])):
            code, failed = tree.tests(some, limit - (time.monotonic() - start))
            if code not in (0, 5):  # 5: there are no tests but slow ones
                by = (failed or ["the tests cannot begin"])[0]
                outcome = "late" if code is None else "caught"
                return Result(mutant, outcome, "" if code is None else by, time.monotonic() - start)
    return Result(mutant, "survived", "", time.monotonic() - start)


def failing_anyway(tests: Sequence[str]) -> list[str]:
    """Those of some tests that fail without any mistake: what they caught they did not catch."""
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        tree = Tree(Path(folder))
        assert tree.tests(["--collect-only"], 600)[0] == 0, "the tests begin where there is no mistake"
        return [test for test in tests if tree.tests([test], 600)[0] != 0]


def read(path: Path) -> dict[str, Result]:
    """The results of a run, by the names of mutants."""
    entries = json.loads(path.read_text("utf-8")) if path.exists() else []
    results = [Result(**{**entry, "mutant": Mutant(**entry["mutant"])}) for entry in entries]
    return {result.mutant.name: result for result in results}


def write(path: Path, results: dict[str, Result]) -> None:
    path.write_text(json.dumps([asdict(result) for result in results.values()], indent=1, ensure_ascii=False), "utf-8")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", default="0", help="which mutants are drawn")
    parser.add_argument("--count", type=int, default=60, help="how many (60)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these of them, by their names")
    parser.add_argument("--tests", nargs="+", type=Path, metavar="FILE", help="these files of tests (all)")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once (1)")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for a mutant (1800)")
    parser.add_argument("--out", type=Path, default=Path("mutants.json"), help="the results; goes on where it ended")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="results of another run")
    parser.add_argument("--list", action="store_true", help="only show the mutants")
    return parser.parse_args()


def main() -> None:
    given = options()
    chosen = drawn(given.seed, given.count)
    chosen = [mutant for mutant in chosen if not given.only or mutant.name in given.only]
    files = [path.resolve() for path in given.tests or sorted(TESTS.glob("test_*.py"))]
    if given.list:
        print("\n".join(Result(mutant, mutant.kind, "", 0).line() for mutant in chosen))
        return
    results = read(given.out)
    with ThreadPoolExecutor(given.jobs) as pool:
        runs = [pool.submit(judged, each, files, given.limit) for each in chosen if each.name not in results]
        for run in as_completed(runs):
            result = run.result()
            results[result.mutant.name] = result
            write(given.out, results)
            print(result.line(), flush=True)
    report([results[mutant.name] for mutant in chosen], read(given.compare) if given.compare else {})


def report(results: Sequence[Result], others: dict[str, Result]) -> None:
    """Totals, and what is different from another run."""
    for test in failing_anyway(sorted({result.by for result in results if result.by.startswith("tests/")})):
        print(f"fails without any mistake, so it caught nothing: {test}")
    print(", ".join(f"{count} {outcome}" for outcome, count in Counter(result.outcome for result in results).items()))
    for result in results:
        other = others.get(result.mutant.name)
        if other and other.outcome != result.outcome:
            print(f"was {other.outcome} {other.by}: {result.line()}")


if __name__ == "__main__":
    main()
