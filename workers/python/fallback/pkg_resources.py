"""The part of setuptools' module of this name that processors use: versions."""

import packaging.version  # noqa: F401 (imported from here by some)
from packaging.version import parse as parse_version  # noqa: F401
