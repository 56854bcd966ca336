"""The calls: functions without I/O on the network, under both clients.

Image endpoints and what is plain come from `docs/client` (rows in `endpoints` and in its
`plain_calls`); the others are functions here, named in its `endpoint_methods`.
"""
