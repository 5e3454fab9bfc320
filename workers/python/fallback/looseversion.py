"""Versions as Python's library compared them until 3.11."""

import functools
import re

_PARTS = re.compile(r"(\d+|[a-z]+|\.)")


@functools.total_ordering
class LooseVersion:
    """A version of any form: its numbers and words are compared one by one, numbers before words."""

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
    def _ranks_of(other):
        if isinstance(other, str):
            other = LooseVersion(other)
        if not isinstance(other, LooseVersion):
            return None
        return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in other.version]

    def __eq__(self, other):
        theirs = self._ranks_of(other)
        return NotImplemented if theirs is None else self._ranks_of(self) == theirs

    def __lt__(self, other):
        theirs = self._ranks_of(other)
        return NotImplemented if theirs is None else self._ranks_of(self) < theirs

    __hash__ = None
