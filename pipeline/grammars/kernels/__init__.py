"""The compiled loops of ../sampler.py and ../parser.py. Imported only where sentences are drawn or parsed."""
