"""Levelled context-free grammars (Part 1 of Physics of Language Models): all leaves of a tree are equally deep.

    grammar.py      the class, and what follows from a grammar alone: lengths, bits
    notation.py     reads and writes grammars as text
    released.py     reads grammars as the published generator stores them
    shapes.py       random grammars of a given shape
    sampler.py      draws sentences from keys, with their trees, or with noise
    parser.py       whether a string is a sentence, how probable it is, and the true distribution of its next symbol
    tables.py       grammars as arrays, which kernels/ (the compiled loops of sampler and parser) read

A sentence is an int32 array of terminals, numbered 0 … T-1.
"""
