"""Grade-school mathematics after Part 2.1 and 2.2: which items there are, what is computed from what, and the words.

    item ──► number of operations, structure, dependencies, values ──► a problem as numbers       kernels/problems.py
                                                                              │
    phrases in an order, steps with letters, mistakes ──► programs ◄──────────┘                   kernels/rendering.py
                                                             │
                                                             ▼
    fragments and tokens                                                                          words.py, source.py

layout.py says what stands where in a problem and what kernels are given, phrases.py what documents are made of;
generation.py calls the kernels. spec.py has the keys of a recipe; distributions.py and vocabulary.py what is drawn
from; steps.py the labels of probes; wrong_steps.py solutions with a wrong step.
"""
