"""Sources make documents: from the facts of a world, from a key, or from files. A kind is declared at its file's foot.

    corpus/         text from the user's files         knowledge/      facts about the individuals of a world
    reasoning/      problems solved step by step       puzzles/        puzzles, and sentences of grammars, in symbols
    own/            functions of a user's file         tokens/         what is tokenized already
    chat/           documents as conversations         rewritten/      biographies by a language model
    files/          files that recipes name, in all places, known by their content
    source.py       the base class of all sources      abilities.py    what some can do beside making documents
    spec.py         the keys that all of them have     lengths.py      how long documents are
    registry.py     the kinds of sources               preference.py   right answers beside wrong ones

A new kind is a file in one of these folders, or a folder there with a `source.py`: its spec, its class, and
`register(SourceKind(…))`. All such files are imported here, in the order of their names; kernels are not, they are
imported where documents are made. (tests/test_source_registry.py has a kind from outside the package.)
"""

from importlib import import_module
from pathlib import Path

from pipeline.sources.own.returned import Document, Part
from pipeline.sources.registry import SOURCES, SourceKind, SourceSpec, register
from pipeline.sources.source import Source

_HERE = Path(__file__).parent
for _file in sorted([*_HERE.glob("[!_]*.py"), *_HERE.glob("*/[!_]*.py"), *_HERE.glob("*/*/source.py")]):
    import_module(".".join((__name__, *_file.relative_to(_HERE).with_suffix("").parts)))

__all__ = ["SOURCES", "Document", "Part", "Source", "SourceKind", "SourceSpec", "register"]
