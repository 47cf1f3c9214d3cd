"""A card that a person and we write together: what is ours is written anew, what is theirs stays.

    ---
    license: mit                                     theirs: keys that are not in OURS
    configs: …                                       ours
    language: en                                     theirs
    ---
    Words of a person.                               theirs
    <!-- pretraining-recipes: begin blake3:… -->     ours, sealed by a hash (see `seals.py`)
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
    """A card in pieces.

    keys, our_keys: the lines of the header, a person's and our own. part: what stands between our marks, None where
    there are none; before, after: a person's words around it. beside: the hash, in our mark, of a person's words in the
    folder that the card was sent from.
    """

    keys: str
    our_keys: str
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
        our_keys = "".join(lines for key, lines in blocks if key in OURS)
        keys = "".join(lines for key, lines in blocks if key not in OURS)
        if not marks:
            cut = _BEGIN.startswith(text[start:].strip())  # in our first mark, or before it
            return cls(keys, our_keys, "" if cut else text[start:], None, "")
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
        return cls(keys, our_keys, before, part, after, (seals and seals[2]) or "")

    @property
    def text(self) -> str:
        """The card."""
        lines = f"{_chosen(self.keys, licence=True)}{self.our_keys}{_chosen(self.keys, licence=False)}"
        header = f"---\n{lines}---\n" if lines else ""
        if self.part is None:
            return f"{header}{self.before}"
        part = self.part.replace("<!-- pretraining-recipes:", "<! -- pretraining-recipes:")  # of a document's text
        beside = f" beside {self.beside}" if self.beside else ""
        before = self.before if not self.before or self.before.endswith("\n\n") else f"{self.before.rstrip()}\n\n"
        return f"{header}{before}{_BEGIN} {seal(self.fingerprint, part)}{beside} -->\n{part}{_END} -->\n{self.after}"

    @property
    def fingerprint(self) -> str:
        """Of the dataset, as the header states it; "" where it does not."""
        stated = _FINGERPRINT.search(self.our_keys)
        return stated[1] if stated else ""

    @property
    def words(self) -> str:
        """What a person has written, but for a licence; "" where nobody has."""
        return (without_licence(self.keys) + self.before.strip() + "\n" + self.after.strip()).strip()

    @property
    def words_hash(self) -> str:
        """The hash of a person's words, the same in a card of any dataset."""
        return seal("", self.words)

    def with_words_of(self, card: Marked) -> Marked:
        """Our pieces, and what a person has written into another card."""
        return replace(self, keys=card.keys, before=card.before if card.before.strip() else "", after=card.after)

    def covers(self, card: Marked) -> bool:
        """Whether a person's words here contain those of another card, piece by piece."""
        pieces = [card.before.strip(), card.after.strip(), *_LINE.findall(without_licence(card.keys))]
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


def kept(fresh: str, existing: str | None) -> str:
    """A fresh card with what a person has written into the existing one, if there is one."""
    return fresh if existing is None else Marked.of(fresh).with_words_of(Marked.of(existing)).text


def reconciled(in_folder: str, on_hub: str) -> str | None:
    """The folder's card, with a person's words of whichever of the two has newer ones; None where both have.

    Our mark in the card on the Hub has the hash of the words that stood in the folder when it was sent.
    """
    folder, hub = Marked.of(in_folder), Marked.of(on_hub)
    sent = hub.beside or seal("", "")
    if hub.words_hash == sent or folder.covers(hub):
        return in_folder
    if folder.words_hash == sent:
        keys = _chosen(folder.keys, licence=True) + without_licence(hub.keys)
        return folder.with_words_of(replace(hub, keys=keys)).text
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
    if card.our_keys != fresh_keys or not _HEADER.match(text):
        return "our keys in its header have changed"
    seals = _SEALS.fullmatch(marks[0])
    return "" if seals and card.part and seals[1] == seal(fingerprint, card.part) else "our part has changed"


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
    if fenced := _HEADER.match(top):
        return fenced[1], fenced.end()
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
        if begun := _KEY.match(line):
            yield from [(key, block)] if key else ()
            key, block = begun[1], ""
        block += "" if line.startswith("#") else line
    yield from [(key, block)] if key else ()


def _goes_on(line: str) -> bool:
    """Whether a line of a header belongs to the key above it."""
    return line.startswith((" ", "\t", "- ", "#"))
