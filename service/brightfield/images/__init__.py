"""From bytes to pixels and back; knows neither models nor HTTP."""
