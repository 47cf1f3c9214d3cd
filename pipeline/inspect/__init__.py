"""Looking at documents and datasets.

highlight.py   documents as runs of text with one meaning: a value, a role, masked or not
colour.py      runs in the colours of a terminal
report/        one HTML page about a built dataset
"""
