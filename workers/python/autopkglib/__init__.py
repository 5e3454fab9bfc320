"""What community processors import, for the host in which they run.

The names and their behaviour are AutoPkg's; how they do it is this host's. What a processor here may not do itself it
asks the program for.
"""

import os
import plistlib
import re
import subprocess
import sys
import types

import auto_update_host as _host
import xattr  # noqa: F401 (processors import it from here)

APP_NAME = "Autopkg"
BUNDLE_ID = "com.github.autopkg"
RECIPE_EXTS = (".recipe", ".recipe.plist", ".recipe.yaml")
VarDict = dict

# The preferences are among the variables of the step that runs.
_preferences = {}


class ProcessorError(Exception):
    """A processor cannot do its work; the text says why."""


class PreferenceError(Exception):
    """A preference cannot be read or written."""


class AutoPackagerError(Exception):
    """A recipe cannot be run."""


class AutoPackagerLoadError(Exception):
    """A recipe cannot be loaded."""


def is_mac():
    """Whether this is macOS."""
    return sys.platform == "darwin"


def is_windows():
    """Whether this is Windows."""
    return sys.platform == "win32"


def is_linux():
    """Whether this is Linux."""
    return sys.platform == "linux"


def log(msg, error=False):
    """Hands on a message for people."""
    _host.say(f"ERROR: {msg}" if error else msg)


def log_err(msg):
    """Hands on an error for people."""
    log(msg, error=True)


def get_pref(key):
    """A preference, or None; the step's variables hold them."""
    return _preferences.get(key)


def set_pref(key, value):
    """Preferences are the operator's; no processor sets one."""
    raise PreferenceError(f"a processor may not set the preference {key}")


def get_all_prefs():
    """All preferences that the step may see."""
    return dict(_preferences)


def get_autopkg_version():
    """The version of AutoPkg whose behaviour this is."""
    return _preferences.get("AUTOPKG_VERSION", "2.9")


def remove_recipe_extension(name):
    """A file's name without the extension of recipes."""
    for extension in sorted(RECIPE_EXTS, key=len, reverse=True):
        if name.endswith(extension):
            return name[: -len(extension)]
    return name


def get_identifier(recipe):
    """The identifier of a recipe that was read, or None."""
    if not recipe:
        return None
    found = recipe.get("Identifier") or recipe.get("Input", {}).get("IDENTIFIER")
    return found or None


def recipe_from_file(filename):
    """A recipe as it stands in its file; None if it cannot be read. YAML is for the program alone."""
    if not os.path.isfile(filename):
        return None
    try:
        with open(filename, "rb") as file:
            return plistlib.load(file)
    except Exception as err:
        log_err(f"WARNING: plist error for {filename}: {err}")
        return None


def get_identifier_from_recipe_file(filename):
    """The identifier of a recipe, or None."""
    return get_identifier(recipe_from_file(filename))


def is_executable(exe_path):
    """Whether there is a program at this place."""
    return os.path.isfile(exe_path) and os.access(exe_path, os.X_OK)


def find_binary(binary, env=None):
    """Where a program is: as a variable or preference says, on the search path, or in /usr/bin; or None."""
    variable = f"{binary.upper()}_PATH"
    named = (env or {}).get(variable) or get_pref(variable)
    places = [named] if named else []
    places += [os.path.join(folder, binary) for folder in os.environ.get("PATH", "").split(":")]
    places.append(os.path.join("/usr/bin", binary))
    return next((place for place in places if is_executable(place)), None)


_REFERENCE = re.compile(r"%(?P<name>[a-zA-Z_][a-zA-Z_0-9]*)%")


def update_data(a_dict, key, value):
    """Sets a key to a value whose `%references%` are replaced."""

    def replaced(part):
        if isinstance(part, str):
            return _REFERENCE.sub(lambda found: str(a_dict.get(found["name"], found[0])), part)
        if isinstance(part, dict):
            return {name: replaced(item) for name, item in part.items()}
        if isinstance(part, list):
            return [replaced(item) for item in part]
        return part

    a_dict[key] = replaced(value)


class APLooseVersion:
    """Versions that are compared part by part, numbers as numbers and before text; trailing zeroes do not count."""

    _PARTS = re.compile(r"(\d+|[a-z]+|\.)")

    def __init__(self, vstring=None):
        self.vstring = "" if vstring is None else str(vstring)
        parts = [part for part in self._PARTS.split(self.vstring) if part and part != "."]
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def __str__(self):
        return self.vstring

    def __repr__(self):
        return f"APLooseVersion ('{self.vstring}')"

    def _ranks(self):
        parts = list(self.version)
        while parts and parts[-1] == 0:
            parts.pop()
        return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in parts]

    @classmethod
    def _of(cls, other):
        return other if isinstance(other, APLooseVersion) else cls(other)

    def _compare(self, other):
        ours, theirs = self._ranks(), self._of(other)._ranks()
        longest = max(len(ours), len(theirs))
        ours += [(0, 0, "")] * (longest - len(ours))
        theirs += [(0, 0, "")] * (longest - len(theirs))
        return (ours > theirs) - (ours < theirs)

    def __hash__(self):
        return hash(tuple(self._ranks()))

    def __eq__(self, other):
        return self._compare(other) == 0

    def __lt__(self, other):
        return self._compare(other) < 0

    def __le__(self, other):
        return self._compare(other) <= 0

    def __gt__(self, other):
        return self._compare(other) > 0

    def __ge__(self, other):
        return self._compare(other) >= 0


def version_equal_or_greater(this, that):
    """Whether one version is at least another."""
    return APLooseVersion(this) >= APLooseVersion(that)


class Processor:
    """What every processor is."""

    lifecycle = {}

    def __init__(self, env=None, infile=None, outfile=None):
        self.env = env
        self.infile = infile or sys.stdin
        self.outfile = outfile or sys.stdout

    def output(self, msg, verbose_level=1):
        """Tells people something, if they want to hear as much."""
        if verbose_level <= max(1, int((self.env or {}).get("verbose", 0) or 0)):
            _host.say(msg)

    def main(self):
        """What the processor does."""
        raise ProcessorError("Abstract method main() not implemented.")

    def get_manifest(self):
        """Description, inputs and outputs."""
        try:
            return (self.description, self.input_variables, self.output_variables)
        except AttributeError as err:
            raise ProcessorError(f"Missing manifest: {err}") from err

    def inject(self, arguments):
        """Puts arguments among the variables."""
        for key, value in arguments.items():
            update_data(self.env, key, value)

    def process(self):
        """Defaults, required variables, then the work."""
        _preferences.clear()
        _preferences.update(self.env)
        for name, flags in (getattr(self, "input_variables", None) or {}).items():
            if "default" in flags and name not in self.env:
                self.env[name] = flags["default"]
            if flags.get("required") and name not in self.env:
                raise ProcessorError(f"{type(self).__name__} requires {name}")
        deprecated = self.lifecycle.get("deprecated")
        if deprecated:
            self.show_deprecation(self.get_deprecation_warning(deprecated))
        self.main()
        return self.env

    def cmdexec(self, command, description):
        """Runs a program, and answers what it printed."""
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError as err:
            raise ProcessorError(
                f"{command[0]} execution failed with error code {err.errno}: {err.strerror}"
            ) from err
        if done.returncode != 0:
            raise ProcessorError(f"{description} failed: {done.stderr}")
        return done.stdout

    def execute_shell(self):
        """A processor is no program of its own here."""
        raise ProcessorError("processors are run by recipes only")

    def load_plist_from_file(self, plist_file, exception_text="Unable to load plist"):
        """Reads a property list."""
        try:
            if isinstance(plist_file, (str, bytes, int, os.PathLike)):
                with open(plist_file, "rb") as file:
                    return plistlib.load(file)
            return plistlib.load(plist_file)
        except Exception as err:
            raise ProcessorError(f"{exception_text}: {err}") from err

    def get_deprecation_warning(self, deprecated_version):
        """What is said of a processor that is deprecated."""
        return (
            f"{type(self).__name__} was deprecated in AutoPkg version {deprecated_version} "
            "and may be removed in a future release."
        )

    def show_deprecation(self, message):
        """Says that something is deprecated, now and in the summary."""
        self.output(f"WARNING: {message}")
        self.env["deprecation_summary_result"] = {
            "summary_text": "The following recipes have deprecation warnings:",
            "report_fields": ["name", "warning"],
            "data": {"name": os.path.basename(self.env.get("RECIPE_PATH", "")), "warning": message},
        }


from .DmgMounter import DmgMounter  # noqa: E402 (they need the names above)
from .URLGetter import URLGetter  # noqa: E402

CORE_PROCESSORS = tuple(_host.core())


def core_class(name):
    """A core processor, whose work the program does; its methods are those of its own file, if it has one."""
    told = _host.core()[name]

    def main(self):
        try:
            _host.step(name, self.env)
        except _host.Refused as err:
            raise ProcessorError(str(err)) from err

    members = {
        "__doc__": told["description"],
        "description": told["description"],
        "main": main,
        "input_variables": told["inputs"],
        "output_variables": {output: {"description": ""} for output in told["outputs"]},
    }
    return type(name, (URLGetter, DmgMounter), members)


def _module(core):
    """Lets a class be imported from a module of its own, as it can be from AutoPkg's."""
    name = f"{__name__}.{core.__name__}"
    if name not in sys.modules:
        module = types.ModuleType(name)
        for shared in (core, DmgMounter, Processor, ProcessorError, URLGetter, APLooseVersion):
            setattr(module, shared.__name__, shared)
        sys.modules[name] = module
    return core


from .Copier import Copier  # noqa: E402
from .URLDownloader import URLDownloader  # noqa: E402
from .URLTextSearcher import URLTextSearcher  # noqa: E402

_WRITTEN = {
    "DmgMounter": DmgMounter,
    "URLGetter": URLGetter,
    "Copier": Copier,
    "URLDownloader": URLDownloader,
    "URLTextSearcher": URLTextSearcher,
    "CURLDownloader": type("CURLDownloader", (URLDownloader,), {}),
    "CURLTextSearcher": type("CURLTextSearcher", (URLTextSearcher,), {}),
    "URLDownloaderPython": type("URLDownloaderPython", (URLDownloader,), {}),
}
# No step of the program's own: nothing is installed here, and Windows' programs are not there.
_ELSEWHERE = ("ChocolateyPackager", "InstallFromDMG", "Installer", "SignToolVerifier")


def _elsewhere(name):
    def main(self):
        raise ProcessorError(f"{name} does not work on Linux")

    return type(name, (Processor,), {"main": main, "input_variables": {}, "output_variables": {}})


for _name in CORE_PROCESSORS:
    globals()[_name] = _module(_WRITTEN.get(_name) or core_class(_name))
for _name in _ELSEWHERE:
    globals()[_name] = _module(_elsewhere(_name))
