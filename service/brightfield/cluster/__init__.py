"""The service on several machines by Ray Serve; the only folder that knows Ray."""
