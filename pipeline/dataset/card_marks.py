"""A dataset card with our part and a person's words: our part is rewritten, the person's words are kept.

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

The marks are HTML comments, invisible on the page. In a card without marks all is a person's, and our part is added
after it. Where a mark is lost or doubled, our part is everything between a begin and the next end, after a begin
without an end, and before an end without a begin. A file that is not text is discarded.
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
    """A card, divided.

    keys, our_keys: header lines, a person's and ours. part: the text between our marks; None without marks. before,
    after: a person's words around it. beside: the hash, kept in our mark, of the person's words in the folder that the
    card was sent from.
    """

    keys: str
    our_keys: str
    before: str
    part: str | None
    after: str
    beside: str = ""

    @classmethod
    def of(cls, text: str) -> Marked:
        """The card in a text. Any text has one reading; nothing is refused."""
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        marks = list(_MARK.finditer(text))
        top = text[: marks[0].start()] if marks else text
        header, start = _header(top)
        blocks = list(_blocks(header))
        our_keys = "".join(lines for key, lines in blocks if key in OURS)
        keys = "".join(lines for key, lines in blocks if key not in OURS)
        if not marks:
            cut = _BEGIN.startswith(text[start:].strip())  # a torn write ended here
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
        """The card as text."""
        lines = f"{_chosen(self.keys, licence=True)}{self.our_keys}{_chosen(self.keys, licence=False)}"
        header = f"---\n{lines}---\n" if lines else ""
        if self.part is None:
            return f"{header}{self.before}"
        part = self.part.replace(
            "<!-- pretraining-recipes:", "<! -- pretraining-recipes:"
        )  # in the text of a sample document
        beside = f" beside {self.beside}" if self.beside else ""
        before = self.before if not self.before or self.before.endswith("\n\n") else f"{self.before.rstrip()}\n\n"
        return f"{header}{before}{_BEGIN} {seal(self.fingerprint, part)}{beside} -->\n{part}{_END} -->\n{self.after}"

    @property
    def fingerprint(self) -> str:
        """The dataset's fingerprint in the header; "" where it has none."""
        stated = _FINGERPRINT.search(self.our_keys)
        return stated[1] if stated else ""

    @property
    def words(self) -> str:
        """All that a person wrote, without the licence; "" where nobody wrote anything."""
        return (without_licence(self.keys) + self.before.strip() + "\n" + self.after.strip()).strip()

    @property
    def words_hash(self) -> str:
        """The hash of `words`. It does not depend on the dataset."""
        return seal("", self.words)

    def with_words_of(self, card: Marked) -> Marked:
        """Our parts of this card with the person's words of another one."""
        return replace(self, keys=card.keys, before=card.before if card.before.strip() else "", after=card.after)

    def covers(self, card: Marked) -> bool:
        """Whether the person's words in this card contain each of those in another one."""
        pieces = [card.before.strip(), card.after.strip(), *_LINE.findall(without_licence(card.keys))]
        return all(piece.strip() in self.words for piece in pieces)


def readable(data: bytes) -> str | None:
    """The text of a card; None where the bytes are not UTF-8 or have control characters."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text) else text


def torn(text: str) -> bool:
    """Whether the text has marks of ours, but not exactly one pair."""
    starts = [mark[0].startswith(_BEGIN) for mark in _MARK.finditer(text)]
    return starts not in ([], [True, False])


def kept(fresh: str, existing: str | None) -> str:
    """The fresh card with the person's words of the existing one, if there is one."""
    return fresh if existing is None else Marked.of(fresh).with_words_of(Marked.of(existing)).text


def reconciled(in_folder: str, on_hub: str) -> str | None:
    """The folder's card with the newer words of the two cards; None where both were edited since the last push.

    Our mark in the card on the Hub has the hash of the words that the folder's card had at that push.
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
    """What is wrong with our part of a card; "" where nothing is. fresh_keys: the expected value of `our_keys`."""
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
    """Header lines without those that state a licence."""
    return _chosen(keys, licence=False)


def _chosen(keys: str, licence: bool) -> str:
    return "".join(lines for key, lines in _blocks(keys) if key.startswith("license") == licence)


def _header(top: str) -> tuple[str, int]:
    """(header lines, offset of the body) of a card.

    Where the fence is damaged, the header ends with our last key; the line after it, the damaged fence, is dropped.
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
    """(key, lines) for every key of a header. Comments, and lines before the first key, are left out."""
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
