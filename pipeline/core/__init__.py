"""What everything else stands on, and what knows nothing of recipes, text or people.

Randomness and order:
    key           a name for each source of randomness, derived from the seed by hashing a path
    draws         uniform and weighted draws from a key and counters
    permutation   a bijection of [0, n), computed at a point
Arrays:
    documents     token ids of documents of different lengths in one array, with what is marked in them
    table         the columns of a shard, before any file format
    narrow_integers   integers into a smaller type, checked
Compiled code:
    kernels       the loops that fast documents are made of
    hashing, bitstreams, sets, vectors, slack   what kernels have in common
    jit           numba's decorators, and where machine code is kept
Recipes and files:
    spec          the base of all that is written in a recipe
    registry      lists of kinds, made from what files declare
    files         value lists, templates and Faker that a recipe names
    faker_values, faker_process   values of Faker, drawn in a process that has no clock
    json_layouts  the layout of JSON files that anybody may have written
Messages:
    errors        what a user sees when something is refused
    notices       what `plan` reports beside its numbers
    value_errors  what is wrong with a value, in words
    scalars       single values as YAML writes them
The machine around us:
    system/       files, the terminal, signals, secrets, folders for caches
"""
