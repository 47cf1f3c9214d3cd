"""The text of a user's Python file, and the module that it makes in any process, without the file."""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from blake3 import blake3

from pipeline.core.errors import CodeError, PipelineError, SpecError
from pipeline.core.system.open_files import contents
from pipeline.core.system.reading import decoded

MOST = 2**22  # bytes of a file
_MODULES = "pretraining_recipes_code_"  # and a hash: the name of a module
_MOST_SAID = 200  # characters of an error's own words
_INSTALL = "Write what it needs into the same file, or install that as a package, on every machine."


@dataclass(frozen=True)
class Code:
    """A file of Python. name: as messages show it. text: all of it."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path, name: str) -> Code:
        """The file at a path. SpecError, at `file`, where it cannot be read or is no text."""
        try:
            raw = contents(path, MOST)
        except OSError as error:
            raise SpecError(f"cannot read '{name}': {error.strerror or error}", "Name a file.", ("file",)) from None
        text, line, problem = decoded(raw)
        if problem:
            raise SpecError(f"{name}:{line}: {problem}", "Convert the file.", ("file",))
        return cls(name, text)

    @property
    def content(self) -> str:
        """The hash of the text, `blake3:` and 64 digits: what the fingerprint of a dataset has of it."""
        return f"blake3:{blake3(self.text.encode()).hexdigest()}"

    def module(self) -> ModuleType:
        """The module that the text makes: made once in a process. CodeError where it cannot be."""
        name = _MODULES + blake3(f"{self.name}\0{self.text}".encode()).hexdigest(16)
        if name in sys.modules:
            return sys.modules[name]
        module = ModuleType(name)
        module.__file__ = self.name
        linecache.cache[self.name] = (len(self.text), None, self.text.splitlines(keepends=True), self.name)
        sys.modules[name] = module  # before it runs: dataclasses look for their module
        try:
            with self.running("the file"), redirect_stdout(sys.stderr):  # `plan --json` prints JSON alone
                exec(compile(self.text, self.name, "exec"), vars(module))  # noqa: S102  (the user has allowed it)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    @contextmanager
    def running(self, what: str, where: str = "") -> Iterator[None]:
        """Turns whatever the user's code raises inside into a CodeError, with the last line of this file that ran.

        what: is called so in the message. where: which item it was.
        """
        try:
            yield
        except PipelineError:
            raise
        except (Exception, SystemExit) as error:
            said = str(error) if not isinstance(error, SyntaxError) else error.msg
            words = f"{type(error).__name__}: {' '.join(said.split())[:_MOST_SAID]}".rstrip(": ")
            problem = f"{what}{' fails' if what else ''}{where}: {words} ({self._line(error)})"
            remedy = _INSTALL if isinstance(error, ImportError) else f"Mend {self.name}."
            raise CodeError(problem, remedy, ("function",) if where else ("file",)) from None

    def _line(self, error: BaseException) -> str:
        """The last line of this file that an error passed through, `file:line: text`."""
        if isinstance(error, SyntaxError) and error.filename == self.name:
            return f"{self.name}:{error.lineno}"
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.name]
        if not frames:
            return self.name
        lines, number = self.text.split("\n"), frames[-1].lineno or 1
        return f"{self.name}:{number}: {lines[number - 1].strip() if number <= len(lines) else ''}"

    def check_alone(self, folder: Path) -> None:
        """SpecError, at `file`, where it imports a module that lies beside it: workers and fingerprint have not that.

        Files that cannot be parsed are left to `module`.
        """
        try:
            tree = ast.parse(self.text)
        except (SyntaxError, ValueError):
            return
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if not node.level else ["." + (node.module or "")]
            for name in names:
                first = name.partition(".")[0]
                installed = {*sys.stdlib_module_names, __name__.partition(".")[0]}
                beside = first and first not in installed and _beside(folder, first)
                if not first or beside:
                    raise SpecError(
                        f"{self.name}:{node.lineno}: it imports '{name}', a file beside it, which would be no part of"
                        " the fingerprint",
                        _INSTALL,
                        ("file",),
                    )


def _beside(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()
