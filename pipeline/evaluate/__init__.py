"""What a model has learnt: accuracies from answers, bits from losses, solutions checked step by step.

predictions.py   reads a model's answers, a line of JSON each
prompts.py       the token ids of prompts, as a model is to be given them
answers.py       reads the rows of a split with the right answers
scoring.py       answers compared with those rows: accuracies
rewards.py       rewards by rule, for reinforcement learning
checking/        answers verified by the text of the problems
capacity/        bits of knowledge from losses per token
alignment.py     tables of texts as aligned lines
"""
