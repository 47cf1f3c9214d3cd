"""Many texts to ids, by the fastest engine that is proved to be exact.

fast_encoder.py   batches of texts to ids
engines.py        the two engines: tokenizers and gigatoken
proof.py          whether both give the same ids
hard_texts.py     texts that are easily encoded wrong
unassigned.py     characters about which releases of Unicode may differ
"""
