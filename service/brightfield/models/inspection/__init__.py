"""Looking at a module from outside: layers, filters, receptive fields, rectifiers."""
