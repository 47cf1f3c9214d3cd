"""Looking at documents and datasets.

highlight.py   documents as runs of text that are alike: values, roles, masked
colour.py      these runs in the colours of a terminal
report/        one HTML page about a built dataset
"""
