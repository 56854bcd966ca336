"""The calls: functions without I/O on the network, under both clients.

A new call is a function here and a line in `AsyncClient`; of an image endpoint the function is
written by `docs/client` from a row in `endpoints`.
"""
