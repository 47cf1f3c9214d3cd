"""What a built dataset looks like, on one page.

    measuring.py   Dataset, Plan → Report
    split.py         one split
    sampling.py        documents at keyed places, made again
    sequences.py       sequences at keyed places, read from the shards
    row.py             one of these, with what its columns say of its tokens
    marginals.py       which values the attributes have, beside how likely they were
    reading.py         from the text of a span to its values
    diversity.py       n-grams, repetitions, wordings
    amount.py          amounts of a mixture in words
    content.py     Report: all that the page says
    page.py        Report → report.html, by page.html.j2
    chart.py         bars as SVG

Documents are a pure function of their place, so those sampled are those on the disk. Memory is flat: samples have fixed
sizes, whatever the dataset has, and the page says them. Nothing depends on a clock but the log of builds.
"""
