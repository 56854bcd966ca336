"""A model over a data set through the service: what is asked, and what becomes of the answers."""
