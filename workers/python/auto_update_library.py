"""Python's library as processors know it: what it asks servers for, the program has; what it dropped is there again."""

import email.parser
import http.client
import os
import plistlib
import urllib.error
import urllib.request
import urllib.response

import auto_update_host as _host

# What concerns a connection that is not made here, or what the program decides itself.
_OF_CONNECTIONS = ("accept-encoding", "connection", "content-length", "host", "transfer-encoding")


def serve_urllib():
    """Has the program get what `urllib.request` is asked for, whatever openers and contexts are made for it."""
    urllib.request.HTTPHandler.http_open = _open
    urllib.request.HTTPSHandler.https_open = _open


def _open(_handler, request):
    arguments = []
    for name, value in request.header_items():
        if name.lower() not in _OF_CONNECTIONS:
            arguments += ["--header", f"{name}: {value}"]
    if request.data is not None:
        arguments += ["--data-raw", _text(request.data)]
    method = request.get_method()
    if method not in ("GET", "HEAD", "POST"):
        arguments += ["--request", method]
    is_head = method == "HEAD"
    try:
        got = _host.call("fetch", url=request.full_url, arguments=arguments, head=is_head, text=False)
    except _host.Refused as err:
        if err.status is None:
            raise urllib.error.URLError(str(err)) from err
        # What is no success becomes the error that it is when it is looked at.
        got = {"status": err.status}
    # Those of redirects stand before an empty line.
    _, _, last = (got.get("text" if is_head else "headers") or "").rpartition("\n\n")
    _, _, lines = last.partition("\n")
    headers = email.parser.Parser(_class=http.client.HTTPMessage).parsestr(lines)
    content = open(got.get("file") or os.devnull, "rb")
    address = got.get("location") or request.full_url
    response = urllib.response.addinfourl(content, headers, address, got["status"])
    response.msg = http.client.responses.get(got["status"], "")
    return response


def _text(data):
    """What is to be sent; the conversation has texts only."""
    if isinstance(data, (bytes, bytearray)):
        try:
            return bytes(data).decode("utf-8")
        except UnicodeDecodeError as err:
            raise urllib.error.URLError("what is sent must be text here") from err
    raise urllib.error.URLError("what is sent must be given as bytes here")


def restore_plistlib():
    """Gives `plistlib` the names again that it had until Python 3.8."""
    plistlib.readPlist = _read_plist
    plistlib.writePlist = _write_plist
    plistlib.readPlistFromBytes = plistlib.readPlistFromString = plistlib.loads
    plistlib.writePlistToBytes = plistlib.writePlistToString = plistlib.dumps


def _read_plist(source):
    if hasattr(source, "read"):
        return plistlib.load(source)
    with open(source, "rb") as file:
        return plistlib.load(file)


def _write_plist(value, target):
    if hasattr(target, "write"):
        plistlib.dump(value, target)
        return
    with open(target, "wb") as file:
        plistlib.dump(value, file)
