"""The facts. A recipe declares a world attribute by attribute; facts are computed from a key, and no table is stored.

spec         the keys of a world in a recipe
attributes/  the kinds of attribute, a file each
relations/   who is related to whom
values       lists of values: written out, from files, from Faker
world        a compiled world: the facts about any individuals
knowledge    how many bits of knowledge a world has, and how many of them are shown
naming       worlds that have no name in common
falsehood    wrong values, for mistakes
repeated_words   counts names in which a word occurs twice
joined_words     whether words of several pools can give one name in two ways
"""
