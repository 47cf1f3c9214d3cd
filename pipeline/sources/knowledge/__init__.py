"""Sources about the individuals of a world.

biographies.py   biography_spec.py         its keys
                 biography_sentences.py    programs by language, sentence and mode (how it refers to the subject)
                 biography_variants.py     language, wordings and order of each exposure
                 biography_lengths.py      expected and longest tokens
                 biography_gaps.py         sentences that are left out
                 mistakes.py               adds wrong sentences
questions.py     inverse_questions.py      about one individual or two
                 wrong_answers.py          the same, about facts that are not true
both             cast.py                   whom a document names: the subject, a second one, those to whom paths lead
                 cast_figures.py           how likely their values are
                 cast_shown.py             what is told of each of them
                 false_others.py           wrong individuals, for mistakes
names.py         names alone, for probing
all of them      template_files.py         template lines, and their programs
                 template_source.py        the base class: outlines to documents
                 subjects.py               how a sentence refers to its subject
                 subject_names.py          whether documents name their subject
                 wording_notices.py        doubled full stops, missing forms, wordings that repeat
"""
