"""Loads one community processor, runs it, and speaks with the program that started this host.

The conversation is described in README.md. This file runs inside a sandbox; what it loads is other people's code.
"""

import base64
import datetime
import functools
import importlib
import importlib.util
import io
import json
import math
import os
import resource
import subprocess
import sys
import traceback

# The conversation has streams of its own: what a processor or a tool that it calls prints must not get into it.
_ANSWERS = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
_MESSAGES = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")

_HERE = os.path.dirname(os.path.abspath(__file__))
_STEP = "auto-update-step"
# What serves core processors in the sandbox; told with the variables.
_program = None

# Of the integers that the conversation has: those that fit in 64 bits, with a sign or without.
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1

_CALLS_REFUSED = "the program ended the conversation"


class Refused(Exception):
    """The program did not do what it was asked for; the text says why, and `status` what a server answered, if one did."""

    def __init__(self, text, status=None):
        super().__init__(text)
        self.status = status


def send(message):
    """Sends one message."""
    _write(_line(message))


def _line(message):
    return json.dumps(message, allow_nan=False) + "\n"


def _write(line):
    _MESSAGES.write(line)
    _MESSAGES.flush()


def receive():
    """The next message; nothing at the end of the stream."""
    line = _ANSWERS.readline()
    return json.loads(line) if line else None


def say(text):
    """Hands on a message for people."""
    send({"say": _plain(str(text))})


def call(what, **arguments):
    """Has the program do something that the sandbox does not allow; answers what came of it."""
    send({"call": {"what": what, **encode(arguments)}})
    answer = receive()
    if answer is None:
        raise Refused(_CALLS_REFUSED)
    if "refused" in answer:
        raise Refused(answer["refused"], answer.get("status"))
    return decode(answer["answer"])


@functools.cache
def core():
    """The core processors by name: what they read and set, and how they are carried out."""
    with open(os.path.join(_HERE, "core.json"), encoding="utf-8") as file:
        return {name: {**told, "inputs": decode(told["inputs"])} for name, told in json.load(file).items()}


def step(name, env, quiet=False):
    """Has a core processor work on the variables; `quiet` if nobody is to be told of it."""
    how = core()[name]["how"]
    if how == "refused":
        raise Refused(
            f"{name} is run by the program itself, and not from within a community processor; "
            "use it as a step of the recipe"
        )
    if how == "outside":
        env.update(call("step", processor=name, env=env)["env"])
        return
    if _program is None:
        raise Refused(f"{name} needs the program in its sandbox, which was not given to it")
    order = json.dumps({"processor": name, "env": encode(env)}, allow_nan=False)
    with subprocess.Popen(
        [_STEP], executable=_program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as program:
        program.stdin.write(order)
        program.stdin.close()
        changed = _heard(name, program.stdout, quiet)
    env.clear()
    env.update(changed)


def _heard(name, lines, quiet):
    """Hands on what the program says; answers the variables that it leaves."""
    for line in lines:
        message = json.loads(line)
        if "say" in message:
            if not quiet:
                say(message["say"])
        elif "done" in message:
            return decode(message["done"]["env"])
        else:
            raise Refused(message["failed"]["text"])
    raise Refused(f"{name} ended without an answer")


def _plain(text):
    """Text without the lone surrogates that stand for undecodable bytes: JSON of other languages has none."""
    return text.encode("utf-8", "replace").decode("utf-8")


def encode(value, where="a variable"):
    """A value as the conversation has it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not _SMALLEST <= value <= _LARGEST:
            # Its digits could be too many to be told.
            raise ValueError(f"{where} holds an integer of more than 64 bits, which cannot be handed on")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} holds {value}, which cannot be handed on")
        return value
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, (bytes, bytearray)):
        return {"$data": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return {"$date": value.replace(microsecond=0).isoformat() + "Z"}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat() + "T00:00:00Z"}
    if isinstance(value, (list, tuple)):
        return [encode(item, where) for item in value]
    if isinstance(value, (set, frozenset)):
        return [encode(item, where) for item in sorted(value, key=str)]
    if isinstance(value, os.PathLike):
        return _plain(os.fspath(value))
    if hasattr(value, "items"):
        encoded = {_plain(str(key)): encode(item, str(key)) for key, item in value.items()}
        return {"$dict": encoded} if any(key.startswith("$") for key in encoded) else encoded
    raise TypeError(f"{where} holds a {type(value).__name__}, which cannot be handed on")


def decode(value):
    """A value of the conversation."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner), = value.items()
        if key == "$data":
            return base64.b64decode(inner)
        if key == "$date":
            return datetime.datetime.strptime(inner, "%Y-%m-%dT%H:%M:%SZ")
        if key == "$dict":
            return {name: decode(item) for name, item in inner.items()}
    return {name: decode(item) for name, item in value.items()}


class _Lines(io.TextIOBase):
    """A standard output whose lines become messages."""

    def __init__(self):
        super().__init__()
        self._begun = ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            say(line)
        return len(text)

    def finish(self):
        """Hands on a line that has no end."""
        if self._begun:
            say(self._begun)
            self._begun = ""


def _limit(limits):
    for what, limit in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _load(name, file):
    """The class `name` of a file, which may import its neighbours."""
    sys.path.insert(0, os.path.dirname(file))
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def _manifest(processor):
    inputs = getattr(processor, "input_variables", None) or {}
    outputs = getattr(processor, "output_variables", None) or {}
    told = {}
    for name, flags in inputs.items():
        told[name] = {"required": bool(flags.get("required", False))}
        if "default" in flags:
            told[name]["default"] = encode(flags["default"], name)
    description = getattr(processor, "description", None) or processor.__doc__ or ""
    return {"description": str(description), "inputs": told, "outputs": [str(name) for name in outputs]}


def _failed(error):
    text = str(error) or type(error).__name__
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    send({"failed": {"text": _plain(text), "trace": _plain(trace)}})


def _converse(library):
    order = receive()
    if order is None:
        return
    order = order["load"]
    _limit(order["limits"])
    sys.path += [*order["path"], os.path.join(_HERE, "fallback")]
    try:
        processor = _load(order["name"], order["file"])
        manifest = _manifest(processor)
    except BaseException as error:  # Whatever a module does when it is loaded, SystemExit too.
        _failed(error)
        return
    send({"loaded": manifest})
    order = receive()
    if order is None:
        return
    try:
        global _program
        _program = order["run"]["program"]
        if not order["run"]["network"]:
            library.serve_urllib()
        env = decode(order["run"]["env"])
        step = processor(env)
        step.env = env
        step.process()
        sys.stdout.finish()
        # Written as JSON here: whatever is wrong with the variables is the step's failure.
        done = _line({"done": {"env": encode(step.env)}})
    except BaseException as error:
        sys.stdout.finish()
        _failed(error)
        return
    _write(done)


def main():
    """Loads a processor, and runs it if asked to."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")
    sys.stdout = _Lines()
    sys.modules["auto_update_host"] = sys.modules["__main__"]
    sys.path.insert(0, _HERE)
    # It asks this module for what the program does, and so is loaded after it.
    library = importlib.import_module("auto_update_library")
    library.restore_plistlib()
    _converse(library)
    # The program first sees what is still running here.
    while receive() is not None:
        pass


if __name__ == "__main__":
    main()
