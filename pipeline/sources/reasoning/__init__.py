"""Reasoning: hops.py, questions over several facts of a text; igsm/, arithmetic problems solved step by step."""
