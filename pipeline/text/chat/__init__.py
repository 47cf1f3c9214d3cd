"""Chat templates: cut into their own words and the contents between them.

template.py       a template rendered once, and cut
sandbox.py        contents that a template can show, and not look into
own_template.py   the template that stands beside a tokenizer's files
programs.py       the template's words as programs
"""
