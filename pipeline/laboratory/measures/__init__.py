"""What is measured of a trained model. A kind is one file; its declaration stands at the foot.

measure     the base of all specs, and the declaration of a kind
registry    MEASURES, every kind by its name
answers     the base of those for which the model answers
exam        answers to questions, compared with the stored ones
check       answers to problems, verified step by step
capacity    bits of knowledge, from losses
probe       values, read off hidden states by a linear classifier
divergence  distance from the distribution of a grammar
"""

from pipeline.laboratory.measures.registry import MEASURES, Measure

__all__ = ["MEASURES", "Measure"]
