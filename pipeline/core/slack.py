"""How far kernels read and write past what is meant: buffers and tables need this much slack at their ends."""

VECTOR = 16
"""Tokens that `vectors.move` moves at once, however many are meant."""

NOTED = 4
"""Operations of a program that the gather looks at once, however many there are."""
