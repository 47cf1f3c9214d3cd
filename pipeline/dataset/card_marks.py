"""A card that a person and we write together: what is ours is written anew, what is theirs stays.

    ---
    license: mit                                     theirs: keys that are not in OURS
    configs: …                                       ours
    language: en                                     theirs
    ---
    Words of a person.                               theirs
    <!-- pretraining-recipes: begin blake3:… -->     ours, sealed by a hash (see `manifest.seal`)
    # bioS_multi5 …
    <!-- pretraining-recipes: end -->
    More words.                                      theirs

A reader of the card sees no marks. A card without marks is all a person's, and ours comes after it. Where a mark is
lost or stands twice, what is between any begin and the next end is ours; so is what follows a last begin, and what
comes before a first end. A file that is no text is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.dataset.seals import seal

OURS = ("task_categories", "tags", "size_categories", "configs", "dataset_info")
_BEGIN, _END = "<!-- pretraining-recipes: begin", "<!-- pretraining-recipes: end"
_MARK = re.compile(rf"^(?:{_BEGIN}|{_END})\b[^\n]*(?:\n|\Z)", re.MULTILINE)
_SEALS = re.compile(rf"{_BEGIN} (blake3:[0-9a-f]{{64}})(?: beside (blake3:[0-9a-f]{{64}}))? -->\n")
_HEADER = re.compile(r"\A---\n((?:.*\n)*?)---(?:\n|\Z)")
_KEY = re.compile(r"""["']?([^\s"'#:-][^"':\n]*)["']?:(?=\s|\Z)""")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FINGERPRINT = re.compile(r"^ +description: fingerprint ([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True)
class Marked:
    """A card in pieces. keys, ours: the lines of the header, a person's and our own. part: ours, None where there is
    none; before, after: what stands around it. beside: the hash, in our mark, of what a person had written where the
    card was sent from."""

    keys: str
    ours: str
    before: str
    part: str | None
    after: str
    beside: str = ""

    @classmethod
    def of(cls, text: str) -> Marked:
        """The pieces of any text."""
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        marks = list(_MARK.finditer(text))
        top = text[: marks[0].start()] if marks else text
        header, start = _header(top)
        blocks = list(_blocks(header))
        ours = "".join(lines for key, lines in blocks if key in OURS)
        keys = "".join(lines for key, lines in blocks if key not in OURS)
        if not marks:
            cut = _BEGIN.startswith(text[start:].strip())  # in our first mark, or before it
            return cls(keys, ours, "" if cut else text[start:], None, "")
        before, part, after, inside = "", "", "", False
        at = start
        for mark in marks:
            piece, at = text[at : mark.start()], mark.end()
            begins = mark[0].startswith(_BEGIN)
            if inside and not begins:
                part = part or piece
            elif not inside and begins and not part:
                before += piece
            elif not inside and begins:
                after += piece
            inside = begins
        after += "" if inside else text[at:]
        seals = _SEALS.fullmatch(marks[0][0])
        return cls(keys, ours, before, part, after, (seals and seals[2]) or "")

    @property
    def text(self) -> str:
        """The card."""
        lines = f"{_chosen(self.keys, licence=True)}{self.ours}{_chosen(self.keys, licence=False)}"
        header = f"---\n{lines}---\n" if lines else ""
        if self.part is None:
            return f"{header}{self.before}"
        part = self.part.replace("<!-- pretraining-recipes:", "<! -- pretraining-recipes:")  # of a document's text
        beside = f" beside {self.beside}" if self.beside else ""
        before = self.before if not self.before or self.before.endswith("\n\n") else f"{self.before.rstrip()}\n\n"
        return f"{header}{before}{_BEGIN} {seal(self.fingerprint, part)}{beside} -->\n{part}{_END} -->\n{self.after}"

    @property
    def fingerprint(self) -> str:
        """The dataset's, as its header says; "" where it does not."""
        found = _FINGERPRINT.search(self.ours)
        return found[1] if found else ""

    @property
    def words(self) -> str:
        """What a person has written; "" where nobody has. A licence is looked at elsewhere."""
        return (without_licence(self.keys) + self.before.strip() + "\n" + self.after.strip()).strip()

    @property
    def words_hash(self) -> str:
        """Of them, whatever the dataset."""
        return seal("", self.words)

    def around(self, other: Marked) -> Marked:
        """Our pieces, and what a person has written into another card."""
        return replace(self, keys=other.keys, before=other.before if other.before.strip() else "", after=other.after)

    def covers(self, other: Marked) -> bool:
        """Whether a person's words here hold those of another card, piece by piece."""
        pieces = [other.before.strip(), other.after.strip(), *_LINE.findall(without_licence(other.keys))]
        return all(piece.strip() in self.words for piece in pieces)


def readable(data: bytes) -> str | None:
    """The text of a card; None where it is no text that anybody has written."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text) else text


def torn(text: str) -> bool:
    """Whether our marks are in it, but not each of them once."""
    starts = [mark[0].startswith(_BEGIN) for mark in _MARK.finditer(text)]
    return starts not in ([], [True, False])


def kept(fresh: str, there: str | None) -> str:
    """A fresh card with what a person has written into the one that is there."""
    return fresh if there is None else Marked.of(fresh).around(Marked.of(there)).text


def reconciled(here: str, there: str) -> str | None:
    """The card `here`, with a person's words of whichever of the two has the newer ones; None where both have.

    here: in the folder. there: on the Hub, where our mark says what stood in the folder when it was sent.
    """
    ours, theirs = Marked.of(here), Marked.of(there)
    sent = theirs.beside or seal("", "")
    if theirs.words_hash == sent or ours.covers(theirs):
        return here
    if ours.words_hash == sent:
        return ours.around(replace(theirs, keys=_chosen(ours.keys, licence=True) + without_licence(theirs.keys))).text
    return None


def fault(data: bytes, fresh_keys: str, fingerprint: str) -> str:
    """What is wrong with our part of a card; "" where nothing is. fresh_keys: the lines that the header should have."""
    text = readable(data)
    if text is None:
        return "this is no text"
    marks = [mark[0] for mark in _MARK.finditer(text)]
    card = Marked.of(text)
    if len(marks) != 2 or not _SEALS.fullmatch(marks[0]) or marks[1] != f"{_END} -->\n":
        return "the marks around our part are damaged"
    if card.ours != fresh_keys or not _HEADER.match(text):
        return "our keys in its header have changed"
    found = _SEALS.fullmatch(marks[0])
    return "" if found and card.part and found[1] == seal(fingerprint, card.part) else "our part has changed"


def licence_of(text: str) -> str:
    """The lines of a card's header that state its licence; "" where there are none."""
    return _chosen(Marked.of(text).keys, licence=True)


def without_licence(keys: str) -> str:
    """The other lines of a header."""
    return _chosen(keys, licence=False)


def _chosen(keys: str, licence: bool) -> str:
    return "".join(lines for key, lines in _blocks(keys) if key.startswith("license") == licence)


def _header(top: str) -> tuple[str, int]:
    """The lines of a card's header, and where its body begins.

    Where a fence is damaged, it ends with our last key, and the line after that, which stands for the fence, goes too.
    """
    if found := _HEADER.match(top):
        return found[1], found.end()
    lines = _LINE.findall(top)
    keys = [i for i, line in enumerate(lines) if (key := _KEY.match(line)) and key[1] in OURS]
    if not keys:
        return "", 0
    last = next((i for i in range(keys[-1] + 1, len(lines)) if not _goes_on(lines[i])), len(lines))
    return "".join(lines[:last]), len("".join(lines[: last + 1]))


def _blocks(header: str) -> Iterator[tuple[str, str]]:
    """(key, lines) for every key of a header. Comments, and what stands before the first key, are left out."""
    key, block = "", ""
    for line in _LINE.findall(header):
        if found := _KEY.match(line):
            yield from [(key, block)] if key else ()
            key, block = found[1], ""
        block += "" if line.startswith("#") else line
    yield from [(key, block)] if key else ()


def _goes_on(line: str) -> bool:
    """Whether a line of a header belongs to the key above it."""
    return line.startswith((" ", "\t", "- ", "#"))
