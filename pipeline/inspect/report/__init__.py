"""What a built dataset looks like, on one page.

    Dataset, Plan ──► measure.py ──► Report (numbers.py) ──► page.py, page.html.j2, chart.py ──► report.html
                      └─ split.py        one split
                         ├─ drawn.py       documents at keyed places, told again
                         ├─ rows.py        sequences at keyed places, read from the shards
                         ├─ values.py      which values the attributes have, beside how likely they were
                         └─ diversity.py   n-grams, repetitions, wordings

Documents are a pure function of their place, so those drawn are those on the disk. Memory is flat: samples have fixed
sizes, whatever the dataset has, and the page says them. Nothing depends on a clock but the log of builds.
"""
