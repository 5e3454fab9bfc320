"""Versions as Python's library compared them until 3.11."""

import functools
import re

_PARTS = re.compile(r"(\d+|[a-z]+|\.)")


@functools.total_ordering
class LooseVersion:
    """A version of any form: its numbers and words are compared one by one."""

    def __init__(self, vstring=None):
        if vstring:
            self.parse(vstring)

    def parse(self, vstring):
        """Takes a version apart."""
        self.vstring = vstring
        parts = [part for part in _PARTS.split(vstring) if part and part != "."]
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def __str__(self):
        return self.vstring

    def __repr__(self):
        return f"LooseVersion ('{self}')"

    @staticmethod
    def _version_of(other):
        if isinstance(other, str):
            other = LooseVersion(other)
        return other.version if isinstance(other, LooseVersion) else None

    def __eq__(self, other):
        theirs = self._version_of(other)
        return NotImplemented if theirs is None else self.version == theirs

    def __lt__(self, other):
        theirs = self._version_of(other)
        return NotImplemented if theirs is None else self.version < theirs

    __hash__ = None


class StrictVersion(LooseVersion):
    """A version of two or three numbers; this host takes every form."""
