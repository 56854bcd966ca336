"""Whether two outputs of one model, as of two backends, give the same answer: one file per form of
output."""
