"""Sources of structure: sentences of grammars (Part 1), and the puzzles of the playground (Part 4.1).

    key, item, exposure ──compiled/──► numbers of symbols ──puzzle.py──► ids of tokens, prompts and answers

They have no text: their tokens are symbols of an alphabet (pipeline/text/symbols.py). A puzzle is one file, which
begins with the keys of its recipe; what is drawn is drawn in compiled/.
"""
