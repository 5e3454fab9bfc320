"""Versions of Python distributions, and their order.

Source: PEP 440.
"""

import functools
import re

_FORM = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?P<pre_number>\d*))?"
    r"(?P<post>-(?P<bare>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)
_LETTERS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_FIRST, _LAST = (0,), (2,)


class InvalidVersion(ValueError):
    """It is no version."""


@functools.total_ordering
class Version:
    """A version; versions are ordered."""

    def __init__(self, version):
        found = _FORM.fullmatch(str(version).strip().lower())
        if not found:
            raise InvalidVersion(f"Invalid version: {version!r}")
        self.epoch = int(found["epoch"] or 0)
        self.release = tuple(int(part) for part in found["release"].split("."))
        letters = _LETTERS.get(found["pre"], found["pre"])
        self.pre = (letters, int(found["pre_number"] or 0)) if letters else None
        self.post = int(found["bare"] or found["post_number"] or 0) if found["post"] else None
        self.dev = int(found["dev_number"] or 0) if found["dev"] else None
        self.local = re.sub("[-_]", ".", found["local"]) if found["local"] else None

    def __str__(self):
        parts = [f"{self.epoch}!" if self.epoch else "", ".".join(map(str, self.release))]
        if self.pre:
            parts.append(f"{self.pre[0]}{self.pre[1]}")
        if self.post is not None:
            parts.append(f".post{self.post}")
        if self.dev is not None:
            parts.append(f".dev{self.dev}")
        if self.local:
            parts.append(f"+{self.local}")
        return "".join(parts)

    def __repr__(self):
        return f"<Version('{self}')>"

    @property
    def base_version(self):
        """The release alone."""
        return (f"{self.epoch}!" if self.epoch else "") + ".".join(map(str, self.release))

    @property
    def public(self):
        """Without what somebody added for himself."""
        return str(self).partition("+")[0]

    @property
    def major(self):
        """The first number."""
        return self._number(0)

    @property
    def minor(self):
        """The second number."""
        return self._number(1)

    @property
    def micro(self):
        """The third number."""
        return self._number(2)

    @property
    def is_prerelease(self):
        """Whether it comes before a release."""
        return self.pre is not None or self.dev is not None

    @property
    def is_postrelease(self):
        """Whether it comes after a release."""
        return self.post is not None

    def _number(self, index):
        return self.release[index] if index < len(self.release) else 0

    @functools.cached_property
    def _rank(self):
        release = list(self.release)
        while len(release) > 1 and release[-1] == 0:
            release.pop()
        pre = (1, *self.pre) if self.pre else _LAST
        if self.pre is None and self.post is None and self.dev is not None:
            pre = _FIRST
        post = (1, self.post) if self.post is not None else _FIRST
        dev = (1, self.dev) if self.dev is not None else _LAST
        parts = self.local.split(".") if self.local else []
        local = [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
        return self.epoch, release, pre, post, dev, (bool(parts), local)

    def __hash__(self):
        return hash(str(self._rank))

    def __eq__(self, other):
        return self._rank == other._rank if isinstance(other, Version) else NotImplemented

    def __lt__(self, other):
        return self._rank < other._rank if isinstance(other, Version) else NotImplemented


def parse(version):
    """The version that a text is."""
    return Version(version)
