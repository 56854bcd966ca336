"""The units of a layer in a resident model: maps, patches and gradients."""
