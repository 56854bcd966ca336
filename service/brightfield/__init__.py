"""Brightfield: a service that runs imaging models and shows which pixels an answer rests on."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("brightfield")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+source"
