"""Sources of symbols: sentences of grammars (Part 1), and the puzzles of the playground (Part 4.1).

    key, item, exposure ──kernels/──► numbers of symbols ──puzzle.py──► ids of tokens, prompts and answers

They have no text: their tokens are symbols of an alphabet (pipeline/text/symbols.py). A puzzle is one file with its
recipe keys and its source; its kernel is in kernels/, the verifier of its answers in evaluate/checking/puzzles/.
"""
