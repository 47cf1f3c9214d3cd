"""The base of all other folders: it knows nothing of recipes, text or people.

Randomness and order:
    key           a name for each source of randomness, derived from the seed by hashing a path
    draws         uniform and weighted draws from a key and counters
    generators    draws for functions of a user's own
    permutation   a bijection of [0, n), computed at a point
Arrays:
    documents     documents of different lengths in one array of token ids, with the spans marked in them
    table         the columns of a shard, before any file format
    narrow_integers   integers into a smaller type, checked
Compiled code:
    kernels/      the compiled loops that draw, render and pack
    compile_first kernels without machine code, compiled in several processes before they are needed
    hashing, bitstreams, sets, vectors, slack   helpers that kernels share
    jit           numba's decorators, and where machine code is kept
Recipes and files:
    spec          the base class of everything that is written in a recipe
    registry      lists of kinds, made from what files declare
    files         reads the value lists and templates that a recipe names, and Faker
    faker_values, faker_process   values of Faker, drawn in a process without a clock
    json_layouts  JSON files from untrusted authors, checked
    token_files   numbers in other trainers' files of token ids
    cell_names    names of the cells of a sweep
    expression_tokens   the tokens of short expressions, for their parsers
Messages:
    errors        the exceptions, and the message that a user sees
    notices       what `plan` reports beside its numbers
    value_errors  pydantic's errors, in our words
    scalars       single values as YAML writes them
The machine around us:
    system/       files, the terminal and progress, signals, secrets, folders for caches
"""
