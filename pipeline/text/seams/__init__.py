"""Where a text may be cut so that the tokens of the parts are the tokens of the whole: proved, for each tokenizer.

seams.py              tokenizers that cut text into words before they merge
merge_seams.py        tokenizers that merge a text whole, as SentencePiece does
normalized_seams.py   tokenizers that normalize text first
normalizers.py        what a normalizer does, and whether it does the same to each piece as to the whole
patterns.py           pre-tokenizers that cut locally
word_ends.py          the characters at an end of a piece that decide whether a word goes on
merges.py             where a word may be cut in which there is no space
neighbours.py         texts of one word that keep their tokens beside each other
beginnings.py         programs where a tokenizer writes a blank of its own
"""
