"""Programs of a chat: those of contents, without and with a space in front, and those of what the template writes.

    written    <|im_start|>  "user\\n"        <|im_end|>  "\\n"  <|im_start|>  "assistant\\n"        <|im_end|>  "\\n"
    contents                         "What …"                                               "Boston."

A message begins without a space, so its first program is bare: compiled once more, without the space that programs
have. Where the template itself writes a space before a content ("[INST] "), that space is the program's own. What the
template writes is cut at its added tokens, which merge with nothing, and at the words of the pre-tokenizer; that those
are cut in the same way beside every content is proved.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from pipeline.core.notices import Notice, information
from pipeline.text.chat.template import Shape
from pipeline.text.compiler import Compiler
from pipeline.text.expressions import Expression, Program
from pipeline.text.fusing import Uncuttable
from pipeline.text.pieces import UNSPACED, Piece, literal, special
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import Renderer
from pipeline.text.seams.neighbours import MOST_PAIRS
from pipeline.text.seams.seams import Seams
from pipeline.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Run:
    """A stretch that the template writes, of one program: an added token, or text. learned: whether there is loss."""

    text: str
    token: bool
    learned: bool


@dataclass(frozen=True)
class Frame:
    """What the template writes around contents, in runs.

    before: the runs before each content and after the last (k + 1,). spaced: whether each content has the space in
    front that programs have (k,). ends: whether the conversation closes with the end token, which is not in `before`;
    learned_end: whether there is loss on the end token then.
    """

    before: tuple[tuple[Run, ...], ...]
    spaced: tuple[bool, ...]
    ends: bool
    learned_end: bool

    @property
    def texts(self) -> int:
        """The number of its runs, each a program."""
        return sum(map(len, self.before))


def frame_of(shape: Shape, tokenizer: Tokenizer, spaces: bool = True) -> Frame:
    """The runs of a shape. Where the template does not say what the assistant writes, it is a turn and the first token
    behind it, which ends it.

    spaces: whether a space before a content may become the content's own, as none begins with an added token.
    """
    tokens = sorted({token.content for token in tokenizer.added}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, tokens))) if tokens else re.compile(r"(?!)")
    before, spaced = [], []
    for number, stretches in enumerate(shape.written):
        runs: list[Run] = []
        for stretch in stretches:
            at = 0
            for found in pattern.finditer(stretch.text):
                runs += [Run(stretch.text[at : found.start()], False, stretch.learned)] * (found.start() > at)
                runs.append(Run(found[0], True, stretch.learned))
                at = found.end()
            runs += [Run(stretch.text[at:], False, stretch.learned)] * (at < len(stretch.text))
        if number and not shape.marked and shape.roles[number - 1] == "assistant":
            runs = _ended(runs)
        space = (
            spaces and number < len(shape.roles) and bool(runs) and not runs[-1].token and runs[-1].text.endswith(" ")
        )
        if space and (len(runs) > 1 or runs[0].text != " "):
            last = runs.pop()
            runs += [Run(last.text[:-1], False, last.learned)] * (len(last.text) > 1)
        else:
            space = False
        before.append(tuple(runs))
        spaced.append(space)
    last_run = before[-1][-1] if before[-1] else None
    ends = last_run is not None and last_run.token and last_run.text == tokenizer.eos_token
    if ends:
        before[-1] = before[-1][:-1]
    return Frame(tuple(before), tuple(spaced[:-1]), ends, ends and last_run is not None and last_run.learned)


def _ended(runs: Sequence[Run]) -> list[Run]:
    """The runs behind an assistant's content, the first of them learned up to a token that ends the turn."""
    count = next((i for i, run in enumerate(runs) if run.token or run.text.strip()), len(runs))
    if count == len(runs) or not runs[count].token:
        return list(runs)
    return [Run(run.text, run.token, True) if i <= count else run for i, run in enumerate(runs)]


@dataclass(frozen=True)
class ChatPrograms:
    """The compiled programs of a chat.

    Program p of the contents is number p with a space in front, and `bare` + p without; the runs of the frame are
    numbered from `runs` on, in reading order.
    """

    renderer: Renderer
    frame: Frame
    bare: int
    runs: int


def begins_with_token(contents: Sequence[Program], never_first: Collection[int]) -> bool:
    """Whether a content can begin with a special token. never_first: numbers of programs that begin none."""
    return any(_is_special(program) for number, program in enumerate(contents) if number not in never_first)


def compile_chat(
    contents: Sequence[Program], frame: Frame, tokenizer: Tokenizer, slots: int, never_first: Collection[int] = ()
) -> tuple[ChatPrograms, list[Notice]]:
    """The fastest exact renderer of the contents in their frame; a notice if that is the slow path."""
    count = len(contents)
    bare: list[Program] = [program if _is_unspaced(program) else [UNSPACED, *program] for program in contents]
    try:
        compiler = Compiler(tokenizer, slots)
        for number, program in enumerate((*contents, *bare)):
            if expressions := [part for part in program if isinstance(part, Expression)]:
                raise Uncuttable(f"{expressions[0].line.place} depends on several values at once")
            compiler.add([part for part in program if isinstance(part, Piece)], placed=number >= count)
        _add_runs(compiler, frame, count, [number for number in range(count) if number not in never_first])
        return ChatPrograms(compiler.finish(), frame, count, 2 * count), []
    except Uncuttable as reason:
        runs = [
            [special(run.text)] if run.token else [UNSPACED, literal(run.text)] for of in frame.before for run in of
        ]
        programs = (*map(tuple, contents), *map(tuple, bare), *map(tuple, runs))
        notice = information(f"slow path: documents are rendered and encoded one by one, because {reason}")
        return ChatPrograms(Rendered(programs, tokenizer), frame, count, 2 * count), [notice]


def _is_special(program: Program) -> bool:
    return isinstance(program[0], Piece) and program[0].special


def _is_unspaced(program: Program) -> bool:
    return isinstance(program[0], Piece) and (program[0].special or program[0].unspaced)


def _add_runs(compiler: Compiler, frame: Frame, count: int, first: Sequence[int]) -> None:
    """Add the runs of the frame. first: the programs that can begin a content.

    Uncuttable if a text run is not cut in the same way beside every content.
    """
    heads = frozenset().union(*(compiler.ends(count + p)[0] for p in first))
    spaced = frozenset().union(*(compiler.ends(p)[0] for p in first))
    tails = frozenset().union(*(compiler.ends(p)[1] for p in range(2 * count)))
    last = len(frame.before) - 1
    for number, runs in enumerate(frame.before):
        for begin, end in _texts(runs):
            before = tails if begin == 0 and number else frozenset({""})
            after = frozenset({""})
            if end == len(runs) and number < last:
                after = spaced if frame.spaced[number] else heads
            chunks = _chunks(compiler.seams, [run.text for run in runs[begin:end]], before, after)
            for texts in chunks:
                compiler.add_cut(texts)
            if end < len(runs):
                compiler.add([special(runs[end].text)])


def _texts(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """The stretches of text runs, as (first, end), one before each token and one behind the last; they may be empty."""
    tokens = [-1, *(i for i, run in enumerate(runs) if run.token), len(runs)]
    return [(first + 1, end) for first, end in pairwise(tokens)]


def _chunks(seams: Seams, texts: Sequence[str], before: frozenset[str], after: frozenset[str]) -> list[list[str]]:
    """The words of adjacent texts, which are the same behind any of `before` and before any of `after`.

    Uncuttable if they are not. A match of the pre-tokenizer depends on its own characters and the next one, so where
    there is a cut inside of the text, what is before it and what is behind are tried apart.
    """
    text = "".join(texts)
    if not text:
        return []
    if not seams.by_words:
        raise Uncuttable(f"the chat template writes {text!r}, and the tokenizer does not cut it into words as it is")
    tails, heads = sorted(before) or [""], sorted(after) or [""]
    words = _words(seams, tails[0], text, heads[0])
    pairs = [(tail, heads[0]) for tail in tails] + [(tails[0], head) for head in heads]
    if len(words) == 2:
        if len(tails) * len(heads) > MOST_PAIRS:
            raise Uncuttable(f"{text!r} stands between too many words")
        pairs = list(product(tails, heads))
    for tail, head in pairs:
        if _words(seams, tail, text, head) != words:
            raise Uncuttable(f"no sure seam around {text!r}, which the chat template writes")
    bounds, at = [], 0
    for part in texts:
        if at not in words:
            raise Uncuttable(f"no sure seam in {text!r}, where the chat template has a mark of `generation`")
        bounds.append((at, at + len(part)))
        at += len(part)
    chunks = [[text[a:b] for a, b in pairwise(sorted(words)) if first <= a < end] for first, end in bounds]
    for chunk in (chunk for of_text in chunks for chunk in of_text):
        if seams.boundaries(chunk) != {0, len(chunk)}:
            raise Uncuttable(f"{chunk!r} is not one word by itself")
    return chunks


def _words(seams: Seams, tail: str, text: str, head: str) -> set[int]:
    """Where `text` is cut between tail and head. Uncuttable unless it is cut off from both, which stay as they are."""
    first, end = len(tail), len(tail) + len(text)
    cuts = seams.boundaries(tail + text + head)
    words = {cut - first for cut in cuts if first <= cut <= end}
    apart = seams.boundaries(tail) | {end + cut for cut in seams.boundaries(head)}
    if not {0, len(text)} <= words or cuts - {first + cut for cut in words} != apart - {first, end}:
        raise Uncuttable(f"no sure seam between {tail!r}, {text!r} and {head!r}")
    return words
