"""Layer-wise relevance propagation: a score, given back call by call to what it was computed from.

    relevance(run, rows, score, rules)    the relevance of every value of the input

Source: Bach et al. 2015; Montavon et al. 2019.
"""
