"""Checks of problems and what is answered to them, from the text alone: nothing here knows how they are made.

verdict.py, report.py    what a check finds, and tables of it
igsm/                    grade-school problems: every step of their solutions
puzzles/                 Depo, Brevo, Mano, copying, sentences of a grammar: documents of named tokens
files.py, kinds.py       answers in files, held against the rows of a split by the rules of its recipe
"""
