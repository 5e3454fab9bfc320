"""Versions as Python's library compared them until 3.11."""

from looseversion import LooseVersion


class StrictVersion(LooseVersion):
    """A version of two or three numbers; this host takes every form."""
