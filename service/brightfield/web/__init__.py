"""The page that the service shows at /: its modules, its styles, and the samples it offers."""
