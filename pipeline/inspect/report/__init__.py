"""One HTML page about a built dataset.

    measuring.py   Dataset, Plan → Report
    split.py         one split
    sampling.py        documents at keyed positions, made again
    sequences.py       sequences at keyed positions, read from the shards
    row.py             one sequence, highlighted by its columns
    marginals.py       frequencies of the attributes' values, beside their probabilities
    reading.py         from the text of a span to its values
    diversity.py       n-grams, repetitions, wordings
    amount.py          amounts of a mixture in words
    content.py     Report: all that the page says
    page.py        Report → report.html, by page.html.j2
    chart.py         bars as SVG

Documents are a pure function of their position, so the sampled ones equal those on the disk. Memory is constant, since
samples have fixed sizes, which the page states. Only the log of builds depends on a clock.
"""
