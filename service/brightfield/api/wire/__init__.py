"""What is done around every request, whatever it asks for: ASGI, one layer per file."""
