"""One file per step: `vNNNN_name.py`, whose `down_revision` is the step before it."""
