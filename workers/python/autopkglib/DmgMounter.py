"""Disk images, which the program opens for its processors."""

import auto_update_host as _host

from autopkglib import Processor, ProcessorError


class DmgMounter(Processor):
    """What looks into a disk image."""

    description = "Opens disk images. No step of its own."
    input_variables = {}
    output_variables = {}

    DMG_EXTENSIONS = [".dmg", ".iso", ".DMG", ".ISO"]

    def __init__(self, env=None, infile=None, outfile=None):
        super().__init__(env, infile, outfile)
        self.mounts = {}

    def parsePathForDMG(self, pathname):
        """Parts a path into an image, whether it leads into one, and the path in it."""
        for extension in self.DMG_EXTENSIONS:
            image, found, inner = pathname.partition(extension + "/")
            if found:
                return image + extension, extension + "/", inner
        return pathname, "", ""

    def mount(self, pathname):
        """Where the contents of an image lie, to be read."""
        if pathname in self.mounts:
            raise ProcessorError(f"{pathname} is already mounted")
        try:
            self.mounts[pathname] = _host.call("mount", path=pathname)["folder"]
        except _host.Refused as err:
            raise ProcessorError(f"mounting {pathname} failed: {err}") from err
        return self.mounts[pathname]

    def unmount(self, pathname):
        """Forgets the contents of an image."""
        if pathname not in self.mounts:
            raise ProcessorError(f"{pathname} is not mounted")
        del self.mounts[pathname]

    def main(self):
        """It does nothing as a step."""
