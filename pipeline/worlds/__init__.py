"""What is true. A world is declared in a recipe, attribute by attribute; no table of people has to exist.

spec         the keys of a world in a recipe
attributes/  the kinds of attribute, a file each
values       lists of values: written out, from files, from Faker
world        a compiled world: the facts about any individuals, and how many bits there are to be known
falsehood    wrong values, for mistakes
repeated_words   names in which a word stands twice, counted
"""
