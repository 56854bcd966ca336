"""The only folder that knows HTTP."""
