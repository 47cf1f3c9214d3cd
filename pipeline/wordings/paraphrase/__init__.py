"""Template lines written by a language model.

frame.py      what a line must be: its variables, what it shows, the lines that are there
prompt.py     what the model is asked
lines.py      the lines in a reply
values.py     values of lists inside of words
reading.py    pronouns and agreement: how a line reads for each subject
novelty.py    how far a line is from all others
checking.py   all of it: why a line is refused
file.py       the file that is extended, and the comment that says who wrote
writing.py    asked, checked, written
"""
