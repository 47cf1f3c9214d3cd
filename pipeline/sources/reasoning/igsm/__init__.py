"""Grade-school mathematics after Part 2.1 and 2.2: what is there, what it is computed from, how it is told.

    op ──► structure ──► dependencies ──► operators ──► numbers ──► names      graphs.py, compiled: one problem
                                                                      │
    sentences in an order, steps with letters, mistakes ◄─────────────┘        saying.py, compiled: programs
                      │
                      ▼
    fragments and tokens                                                       words.py, source.py

layout.py says what stands where in a problem, steps.py what there is to know at each step of its solution.
"""
