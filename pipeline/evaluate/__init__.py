"""What a model has learnt: answers to accuracies, losses to bits, solutions checked step by step."""
