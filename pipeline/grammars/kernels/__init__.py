"""What sampler.py and parser.py of the folder above have compiled. Imported only where sentences are made or read."""
