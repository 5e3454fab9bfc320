"""The part of macOS's Foundation that processors use: predicates."""

import auto_update_host as _host


class NSPredicate:
    """A condition on variables, which the program judges."""

    def __init__(self, text):
        self._text = text

    @classmethod
    def predicateWithFormat_(cls, text):
        """A predicate; whether it is one is seen when it is evaluated."""
        return cls(str(text))

    def predicateFormat(self):
        """What it was made from."""
        return self._text

    def evaluateWithObject_(self, variables):
        """Whether it holds; `ValueError` if it is no predicate, or cannot be evaluated with these variables."""
        judged = {**variables, "predicate": self._text}
        try:
            _host.step("StopProcessingIf", judged, quiet=True)
        except _host.Refused as err:
            raise ValueError(str(err)) from err
        return bool(judged["stop_processing_recipe"])
