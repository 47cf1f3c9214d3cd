"""Prepares the pieces of a program for tokenizing: moves spaces, and joins neighbours without a seam into one piece.

pieces       ["in "] [Boston, MA · Washington, D.C. …] ["."]
travelled    ["in"] [" Boston, MA" · " Washington, D.C." …] ["."]
fused        ["in"] [" Boston, MA." · " Washington, D.C.." …]         margin: 1 before the value, 1 after it
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.text.pieces import NO_MARGIN, Margin, Piece, literal

FUSE = 1024  # most tokens (rows × words of the literal) that fusing for speed may add to a table


class Uncuttable(Exception):
    """Documents cannot be put together from fragments, and must be rendered and encoded one by one. Its text: why."""


def fused(left: Piece, right: Piece) -> Piece:
    """Two neighbours as one piece. Its value is that of one of them, or of both together; other text becomes margin.

    Uncuttable if they vary independently, or are values of different attributes.
    """
    if reason := unfusible(left, right):
        raise Uncuttable(f"no sure seam between {reason}")
    label = left.label or right.label
    before = left.margin.before if left.label else left.texts.length + right.margin.before
    after = right.margin.after if right.label else left.margin.after + right.texts.length
    margin = Margin(before, after) if label else NO_MARGIN
    return Piece(left.texts.beside(right.texts), left.slot or right.slot, label, margin, begins=left.begins)


def unfusible(left: Piece, right: Piece) -> str:
    """Which texts cannot become one piece, and why; "" if they can: one slot, one value, without a break in it."""
    shown = f"{left.texts.rows[0]!r} and {right.texts.rows[0]!r}"
    both_vary, both_valued = left.slot != 0 != right.slot, left.label != 0 != right.label
    if both_vary and (left.slot != right.slot or (both_valued and not _one_value(left, right))):
        return f"{shown}, which both vary"
    if both_valued and left.label != right.label:
        return f"the values {shown}"
    varying, fixed = (left, right) if left.slot else (right, left)
    if not both_vary and fixed.label and varying.slot and not varying.label:  # its words are no part of that value
        return shown
    return ""


def _one_value(left: Piece, right: Piece) -> bool:
    """Whether two tables show the same slot and attribute with nothing in between, as a month and a day may."""
    if not left.slot == right.slot != 0 or left.label != right.label:
        return False
    forms = left.margin.varies or right.margin.varies
    return not left.label or (not forms and left.margin.after == right.margin.before == 0)


def travelled(pieces: Sequence[Piece]) -> list[Piece]:
    """The same text with adjacent literals merged, and the space at a literal's end moved into the next piece."""
    done: list[Piece] = []
    for piece in pieces:
        if piece.slot == 0 and not piece.text:
            continue
        if done and done[-1].slot == 0 and not piece.texts.codes and not done[-1].texts.codes:
            before = done.pop()
            if piece.slot == 0 and piece.label == before.label:
                done.append(literal(before.text + piece.text, piece.label))
                continue
            kept = before.text.removesuffix(" ")
            if kept:
                done.append(literal(kept, before.label))
            if kept != before.text:
                piece = fused(literal(" ", before.label if before.label == piece.label else 0), piece)
        done.append(piece)
    return done


def without_empty_rows(pieces: list[Piece]) -> list[Piece]:
    """The same text, with each table that has an empty row ({% if … %} without else) fused with a literal beside it."""
    done: list[Piece] = []
    for piece in pieces:
        after_empty = done and not all(done[-1].texts.rows)
        before_empty = done and done[-1].slot == 0 and not all(piece.texts.rows)
        if (after_empty and piece.slot == 0) or (before_empty and piece is pieces[-1]):
            done[-1] = fused(done[-1], piece)
        else:
            done.append(piece)
    return done


def fused_for_speed(pieces: list[Piece]) -> list[Piece]:
    """The same text in fewer pieces, as each costs a copy: small tables are fused with short literals beside them."""
    done = pieces[:1]
    for piece in pieces[1:]:
        table, beside = (piece, done[-1]) if piece.slot else (done[-1], piece)
        added = len(table.texts) * (len(beside.text.split()) + 1)
        if piece.texts.codes or done[-1].texts.codes:
            done.append(piece)
        elif _one_value(done[-1], piece) or (beside.slot == 0 and added <= FUSE):
            done[-1] = fused(done[-1], piece)
        else:
            done.append(piece)
    return done
