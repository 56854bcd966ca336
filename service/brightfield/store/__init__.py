"""What outlives a request: jobs and uploaded images; SQLite by default, PostgreSQL by URL."""
