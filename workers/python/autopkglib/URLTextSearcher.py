"""The core processor URLTextSearcher: its methods are what others change in it."""

import re

from autopkglib import ProcessorError, core_class

MATCH_MESSAGE = "Found matching text"
NO_MATCH_MESSAGE = "No match found on URL"


class URLTextSearcher(core_class("URLTextSearcher")):
    """Searches a page with a regular expression."""

    def prepare_curl_cmd(self):
        """The command that gets the page."""
        curl_cmd = super().prepare_curl_cmd()
        self.add_curl_common_opts(curl_cmd)
        curl_cmd.append(self.env["url"])
        return curl_cmd

    def prepare_re_flags(self):
        """The flags of the expression, by their names in Python; others are passed over."""
        flags = 0
        for name in self.env.get("re_flags") or []:
            flags |= getattr(re.RegexFlag, name, 0) if isinstance(name, str) else 0
        return flags

    def re_search(self, content):
        """The text of the last group that took part, and the named groups."""
        match = re.compile(self.env["re_pattern"], flags=self.prepare_re_flags()).search(content)
        if not match:
            raise ProcessorError(f"{NO_MATCH_MESSAGE}: {self.env['url']}")
        return match.group(match.lastindex or 0), match.groupdict()

    def main(self):
        """Gets the page, and sets what was found."""
        wanted = self.env.get("result_output_var_name", "match")
        last, found = self.re_search(self.download_with_curl(self.prepare_curl_cmd()))
        found.setdefault(wanted, last)
        for name, text in found.items():
            self.env[name] = text
            self.output(f"{MATCH_MESSAGE} ({name}): {text}")
        self.output_variables = {name: {"description": "What the expression found."} for name in found}
