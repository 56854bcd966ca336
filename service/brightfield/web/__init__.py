"""The page that the service shows at /: modules, styles, and which pictures it offers as samples."""
