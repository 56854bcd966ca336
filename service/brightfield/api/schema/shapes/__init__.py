"""What the JSON of the service looks like, declared once: replies, problems and events.

The shapes are for the OpenAPI document and for checks. Replies are written by the code that makes
them, straight to bytes; nothing is validated on the way out.
"""
