"""Checks of answers to problems, from the texts alone: nothing here knows how problems are made.

igsm/                     grade-school problems: every step of their solutions
puzzles/                  Depo, Brevo, Mano, copying, sentences of a grammar: documents of named tokens
verifier.py               what each of them declares at the foot of its file
verdict.py, report.py     the verdict on an answer, and tables of many
files.py                  answers in files, beside their problems or held against the rows of a split
kinds.py                  the verifiers of the registered kinds of sources, and the rules of a split
"""
