"""Grade-school mathematics after Part 2.1 and 2.2: which items there are, what is computed from what, and the words.

    number of operations ──► structure.py ──► dependencies.py ──► values.py      problems.py: one problem as numbers
                                                                      │
    phrases in an order, steps with letters, mistakes ◄───────────────┘          rendering.py: a document as programs
      writing.py ──► solutions.py
                      │
                      ▼
    fragments and tokens                                                         words.py, source.py

Compiled are these files and parameters.py (sets of parameters); generation.py calls them. layout.py says what stands
where in a problem and what kernels are given, phrases.py what documents are made of. spec.py has the keys of a recipe,
distributions.py and vocabulary.py what is drawn from; steps.py the labels of probes.
"""
