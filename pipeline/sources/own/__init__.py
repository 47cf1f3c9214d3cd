"""Sources of one's own: functions in a Python file that the recipe names.

    file ──code.py──► module, by value ──calling.py──► what the function returns ──returned.py──► texts or symbols
                                                              │                                        │
                                              sampling.py: is it the same again?          encoding.py: tokens, parts

    code.py           the text of a file, and the module that it makes; what is wrong with it, in a line
    options.py        the options of a recipe as the class that the function's argument is annotated with
    calling.py        the function with its options, called for items; its alphabet, its labels and its verifier
    returned.py       Document and Part, and every other form in which documents are returned
    encoding.py       texts and symbols to tokens, with exact places of parts and labels
    sampling.py       the same items made twice, in another order, in another process
    other_process.py  the script of that process
    python.py         the kind `python`: its keys and its source

No code runs unless the user has said so (`Files.allow_code`), and then only that of the file that the recipe names. The
text travels inside the plan, so that workers need no file.
"""
