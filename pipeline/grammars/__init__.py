"""Levelled context-free grammars (Part 1 of Physics of Language Models): all leaves of a tree are equally deep.

    grammar.py      what a grammar is, and what can be computed of it alone: lengths, bits
    notation.py     grammars as text; released.py: as the published generator stores them
    shapes.py       random grammars of a given shape
    sampler.py      sentences, from keys; with their trees, or with noise in them
    parser.py       is it a sentence, how probable, and what comes next in truth
    tables.py       grammars as arrays, for kernels/, where sampler and parser have theirs

A sentence is int32 numbers of terminals, 0 … T-1.
"""
