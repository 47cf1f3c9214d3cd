"""Who is related to whom: keyed functions from individuals to individuals, and back; nothing is stored.

    relation       the base class: a function of the individual, the list of those who point to one, bits
    one_to_one     nobody is pointed to twice: a ring, couples, an injection
    many_to_one    a draw for each individual, uniform or weighted
    tree           a parent of the generation before

The attribute that declares one is attributes/individual.py.
"""
