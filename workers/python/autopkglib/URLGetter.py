"""Downloads, which the program does for its processors."""

import os
import re
import shutil

import auto_update_host as _host

from autopkglib import Processor, ProcessorError

# What processors find where curl's own path would be; it only has to stand first in a command.
_CURL = "curl"
# A variable of --write-out.
_VARIABLE = re.compile(r"%\{(\w+)\}")
# Options that have a value: those of one letter, and the long ones that are understood.
_VALUED_LETTERS = "ADFHTXYbdemoruwxy"
_VALUED = (
    "--connect-timeout --cookie --data --data-ascii --data-binary --data-raw --dump-header --form --header --max-time "
    "--output --referer --request --retry --retry-delay --retry-max-time --speed-limit --speed-time --url --user "
    "--user-agent --write-out"
).split()
_FAILS = ("-f", "--fail", "--fail-with-body")
_REDIRECTS = ("301", "302", "303", "307", "308")


class URLGetter(Processor):
    """What fetches something from an address."""

    description = "Fetches something from an address. No step of its own."
    input_variables = {}
    output_variables = {}

    def __init__(self, env=None, infile=None, outfile=None):
        super().__init__(env, infile, outfile)
        if not self.env:
            self.env = {}

    def curl_binary(self):
        """What stands first in a command."""
        return _CURL

    def prepare_curl_cmd(self):
        """The beginning of a command."""
        return [self.curl_binary(), "--compressed", "--location"]

    def add_curl_headers(self, curl_cmd, headers):
        """Adds headers to a command."""
        for name, value in (headers or {}).items():
            curl_cmd.extend(["--header", f"{name}: {value}"])

    def add_curl_common_opts(self, curl_cmd):
        """Adds the headers and options of the recipe to a command."""
        self.add_curl_headers(curl_cmd, self.env.get("request_headers"))
        curl_cmd.extend(self.env.get("curl_opts") or [])

    def clear_header(self, header):
        """Begins the headers of the next answer; where the last one sent to is kept."""
        redirected = header.get("http_redirected")
        header.clear()
        header.update(http_result_code="000", http_result_description="", http_redirected=redirected)

    def parse_headers(self, raw_headers):
        """The headers of the last answer, by their names in lower case."""
        header = {}
        self.clear_header(header)
        for line in raw_headers.splitlines():
            if line.startswith("HTTP/"):
                words = line.split(None, 2)
                header["http_result_code"] = words[1] if len(words) > 1 else "000"
                header["http_result_description"] = words[2] if len(words) > 2 else ""
            elif ": " in line:
                name, value = line.split(": ", 1)
                header[name.lower()] = value
            elif not line and header["http_result_code"] in _REDIRECTS:
                header["http_redirected"] = header.get("location")
                self.clear_header(header)
        return header

    def parse_curl_error(self, proc_stderr):
        """What curl complains of, without its name and number."""
        words = proc_stderr.rstrip("\n").split(None, 2)
        return words[2] if len(words) > 2 else ""

    def execute_curl(self, curl_cmd, text=True):
        """Has the program do what a command would; answers output, errors and status."""
        options = _options([str(word) for word in curl_cmd[1:]])
        target = _taken(options, "-o", "--output")
        dumped = _taken(options, "-D", "--dump-header")
        if dumped not in (None, "-"):
            raise ProcessorError("curl: headers can be written to the standard output only")
        form = _taken(options, "-w", "--write-out")
        is_head = any(name in ("-I", "--head") for name, _value in options)
        url = _taken(options, "--url") or _address(options)
        options = [option for option in options if option[0] not in ("-I", "--head")]
        arguments = [word for option in options for word in option if word is not None]
        if target is not None and "--create-dirs" in arguments:
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        as_text = bool(text) and target is None
        # A page is had whatever the status unless told otherwise; it is never taken for a file that was to be saved.
        any_status = target is None and not any(word in _FAILS for word in arguments)
        got = self._fetched(url, arguments, is_head, as_text, any_status)
        after = self._written(form, url, arguments, got) if form else ""
        if "text" in got:
            if target is None:
                return got["text"] + after, "", 0
            with open(target, "w", encoding="utf-8") as file:
                file.write(got["text"])
            return after, "", 0
        head = got["headers"] if dumped else ""
        if target is not None:
            shutil.copyfile(got["file"], target)
            return (head + after if text else b""), "", 0
        with open(got["file"], "rb") as file:
            body = file.read()
        return (body.decode("utf-8", "ignore") + after if text else body), "", 0

    def _fetched(self, url, arguments, is_head, as_text, any_status=False):
        try:
            return _host.call(
                "fetch", url=url, arguments=arguments, head=is_head, text=as_text, any_status=any_status
            )
        except _host.Refused as err:
            self.output(f"ERROR: {err}")
            raise ProcessorError(str(err)) from err

    def _written(self, form, url, arguments, got):
        """What curl writes when a transfer is done."""

        def value(found):
            name = found[1]
            if name in ("http_code", "response_code"):
                return str(got["status"])
            if name == "url":
                return url
            if name == "url_effective":
                # Only an answer without contents tells where it was sent to.
                head = got if "location" in got else self._fetched(url, arguments, True, True)
                return head["location"] or url
            raise ProcessorError(f"curl: %{{{name}}} is not understood in --write-out")

        return _VARIABLE.sub(value, form).replace("\\n", "\n").replace("\\t", "\t")

    def download_with_curl(self, curl_cmd, text=True):
        """What a command prints."""
        output, _errors, _status = self.execute_curl(curl_cmd, text)
        return output

    def download(self, url, headers=None, text=False):
        """What is at an address."""
        curl_cmd = self.prepare_curl_cmd()
        self.add_curl_headers(curl_cmd, headers)
        curl_cmd.append(url)
        return self.download_with_curl(curl_cmd, text)

    def download_to_file(self, url, filename, headers=None):
        """Writes what is at an address to a file, and answers its path."""
        curl_cmd = self.prepare_curl_cmd()
        self.add_curl_headers(curl_cmd, headers)
        curl_cmd.extend([url, "-o", filename])
        self.download_with_curl(curl_cmd, text=False)
        if os.path.exists(filename):
            return filename
        raise ProcessorError(f"{filename} was not written!")

    def main(self):
        """It does nothing as a step."""


def _options(words):
    """The words of a command as options and their values; a word for itself is a value without an option."""
    words = iter(words)
    options = []
    for word in words:
        if word.startswith("--"):
            options.append((word, next(words, None) if word in _VALUED else None))
            continue
        if not word.startswith("-") or word == "-":
            options.append((None, word))
            continue
        for index, letter in enumerate(word[1:], start=2):
            if letter in _VALUED_LETTERS:
                # What follows in the word is its value, otherwise the next word.
                options.append(("-" + letter, word[index:] or next(words, None)))
                break
            options.append(("-" + letter, None))
    return options


def _taken(options, *names):
    """Takes an option out of the others; answers its value."""
    for index, (name, value) in enumerate(options):
        if name in names and value is not None:
            del options[index]
            return value
    return None


def _address(options):
    """Takes the address out of the options: the last word for itself that looks like one."""
    for index in range(len(options) - 1, -1, -1):
        name, word = options[index]
        if name is None and word.lower().startswith(("http://", "https://", "ftp://")):
            del options[index]
            return word
    raise ProcessorError("curl: no address was given")
