"""From results to replies: envelopes, formats, files."""
