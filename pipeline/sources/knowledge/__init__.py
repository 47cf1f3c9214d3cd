"""Sources about the individuals of a world.

biographies.py   biography_sentences.py    templates by language, sentence and way to call the subject, as programs
                 biography_variants.py     language, wordings and order of each exposure
                 biography_lengths.py      expected and longest tokens
                 mistakes.py               sentences that go wrong
questions.py     pairs.py                  a second individual in the same document
names.py         names alone, for probing
all of them      template_files.py         template lines, and their programs
                 template_source.py        outlines to documents
                 subjects.py               how a sentence calls its subject
                 subject_names.py          whether documents name their subject
                 wording_notices.py        doubled full stops, missing forms, wordings that repeat
"""
