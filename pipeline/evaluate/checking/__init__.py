"""Checks of answers to problems from their texts alone, independent of the code that makes the problems.

igsm/                     grade-school problems: every step of their solutions
puzzles/                  Depo, Brevo, Mano, copying, sentences of a grammar: documents of named tokens
own.py                    tasks of a user's own, by the `verify` of their Python file
verifier.py               Verifier: what each of these files declares at its foot
verdict.py, report.py     the verdict on an answer, and tables of many
files.py                  answers in files: each beside its problem, or for the rows of a split
kinds.py                  the verifiers of the registered kinds of sources, and the rules of a split
"""
