"""What a model has learnt: answers to accuracies, losses to bits, solutions checked step by step.

predictions.py   a model's answers, a line of JSON each
answers.py       the rows of a split that the answers are held against
scoring.py       answers held against those rows: accuracies
checking/        answers to problems, held against what the problems say
capacity/        losses per token to bits of knowledge
alignment.py     tables of texts as lines
"""
