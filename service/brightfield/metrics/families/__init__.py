"""The catalog of families of metrics that weigh samples: one file per family."""
