# What stands in for Munki on a Mac: it runs the hooks, reads the preferences that Munki would read in the order in which
# Munki reads them, and fetches manifest, catalog and package from wherever these say, as `hash_strict` demands.
import hashlib
import http.client
import plistlib
import ssl
import subprocess
import sys
import urllib.parse
from datetime import datetime, timezone
from pathlib import Path

ROOT, CLIENT, ARGUMENTS = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
LAYERS = [
    "Library/Managed Preferences/ManagedInstalls.plist",
    "private/var/root/Library/Preferences/ManagedInstalls.plist",
    "Library/Preferences/ManagedInstalls.plist",
]


def read(path):
    return plistlib.loads(path.read_bytes()) if path.exists() else {}


def preference(key):
    for layer in LAYERS:
        found = read(ROOT / layer)
        if key in found:
            return found[key]
    return None


def hook(name):
    # Munki captures the output, and waits for its end.
    done = subprocess.run([CLIENT, "--root", ROOT, name, "auto"], capture_output=True, stdin=subprocess.DEVNULL)
    assert not done.stdout and done.stderr.isascii(), done
    return done.returncode


def get(path, headers=None):
    base = urllib.parse.urlsplit(preference("SoftwareRepoURL"))
    assert base.scheme == "https", base
    context = ssl.create_default_context(cafile=ROOT / "private/etc/ssl/cert.pem")
    connection = http.client.HTTPSConnection(base.hostname, base.port, timeout=30, context=context)
    if headers is None:
        headers = dict(header.split(": ", 1) for header in preference("AdditionalHttpHeaders"))
    connection.request("GET", base.path + "/" + urllib.parse.quote(path), headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def fetch(path):
    status, body = get(path)
    # Redirects are not followed: the preference says none.
    assert status == 200 and preference("FollowHTTPRedirects") == "none", (path, status)
    return body


def install():
    folder = ROOT / preference("ManagedInstallDir").lstrip("/")
    assert all(header.count(":") == 1 for header in preference("AdditionalHttpHeaders"))
    assert get("manifests/site_default", headers={})[0] == 401
    assert get("pkgsinfo/Widget-1.0.plist")[0] == 404
    manifest = plistlib.loads(fetch("manifests/site_default"))
    catalogs = {}
    for name in manifest["catalogs"]:
        body = fetch("catalogs/" + name)
        (folder / "catalogs").mkdir(exist_ok=True)
        (folder / "catalogs" / name).write_bytes(body)
        catalogs.update((item["name"], item) for item in plistlib.loads(body))
    own = read(folder / "manifests" / preference("LocalOnlyManifest"))
    done, waiting = [], []
    for name in own.get("managed_installs", []):
        item = catalogs[name]
        package = fetch("pkgs/" + item["installer_item_location"])
        assert preference("PackageVerificationMode") == "hash_strict"
        assert hashlib.sha256(package).hexdigest() == item["installer_item_hash"], "Integrity check failed"
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        result = {"name": name, "version": item["version"], "status": 0, "time": now, "applesus": False}
        if item.get("RestartAction") == "RequireLogout":
            waiting.append({"name": name, "version_to_install": item["version"]})
        else:
            done.append(result)
    report = {"InstallResults": done, "ManifestName": "site_default", "RunType": "auto"}
    (folder / "InstallInfo.plist").write_bytes(plistlib.dumps({"managed_installs": waiting, "removals": []}))
    (folder / "ManagedInstallReport.plist").write_bytes(plistlib.dumps(report))


with open(ROOT / "ran", "a") as ran:
    print("munki", *ARGUMENTS, file=ran)
if hook("preflight") != 0:
    sys.exit(1)
install()
sys.exit(0 if hook("postflight") == 0 else 9)
