"""Good files of every kind, and what becomes of them when their structure is changed."""
