"""Where the certificates of authorities are: those of the system."""

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def where():
    """The file that holds them all."""
    return _BUNDLE


def contents():
    """What is in that file."""
    with open(_BUNDLE, encoding="ascii", errors="replace") as file:
        return file.read()
