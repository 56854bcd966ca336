"""What outlives a request, in SQLite by default or in PostgreSQL: jobs, uploaded images, evaluation
runs, and collections with their items, projections and indexes."""
