"""The core processor URLDownloader: its methods are what others change in it, or borrow.

What a server is known again by is kept nowhere here: a file is got anew each time, and is unchanged if its bytes are.
"""

import filecmp
import os
import tempfile

from autopkglib import BUNDLE_ID, ProcessorError, core_class, xattr


class URLDownloader(core_class("URLDownloader")):
    """Downloads a file into a folder of the run's cache."""

    existing_file_size = None
    xattr_etag = f"user.{BUNDLE_ID}.etag"
    xattr_last_modified = f"user.{BUNDLE_ID}.last-modified"

    def getxattr(self, attr):
        """An extended attribute of the file, or None."""
        if attr not in xattr.listxattr(self.env["pathname"]):
            return None
        return xattr.getxattr(self.env["pathname"], attr).decode()

    def prepare_base_curl_cmd(self):
        """The beginning of a command."""
        return [self.curl_binary(), "--silent", "--show-error", "--dump-header", "-", "--location", "--url", self.env["url"]]

    def prepare_download_curl_cmd(self, pathname_temporary):
        """The command that gets the file."""
        curl_cmd = self.prepare_base_curl_cmd()
        curl_cmd.extend(["--fail", "--output", pathname_temporary])
        self.add_curl_common_opts(curl_cmd)
        self.clear_zero_file(self.env["pathname"])
        return curl_cmd

    def produce_etag_headers(self, filename):
        """What makes a request conditional: nothing, as nothing is kept."""
        return {}

    def clear_zero_file(self, pathname):
        """Removes a file that has no bytes."""
        if os.path.exists(pathname) and os.path.getsize(pathname) == 0:
            os.remove(pathname)

    def clear_vars(self):
        """Forgets what an earlier step set."""
        self.env.pop("url_downloader_summary_result", None)
        self.env["last_modified"] = ""
        self.env["etag"] = ""
        self.existing_file_size = None

    def prefetch_filename(self):
        """The file's name as the server tells it before the file itself, or None."""
        header = self.parse_headers(self.download_with_curl([*self.prepare_base_curl_cmd(), "--head"]))
        disposition = header.get("content-disposition", "")
        if "filename=" in disposition:
            return disposition.rpartition("filename=")[2].replace('"', "")
        if header.get("http_redirected"):
            return header["http_redirected"].rpartition("/")[2]
        return None

    def get_filename(self):
        """The file's name; None if the file was given."""
        if "PKG" in self.env:
            self.env["pathname"] = os.path.expanduser(self.env["PKG"])
            self.env["download_changed"] = True
            self.output(f"Given {self.env['pathname']}, no download needed.")
            return None
        name = self.prefetch_filename() if self.env.get("prefetch_filename") else None
        return name or self.env.get("filename") or self.env["url"].rpartition("/")[2]

    def get_download_dir(self):
        """The folder for the file, which is there."""
        folder = self.env.get("download_dir") or os.path.join(self.env["RECIPE_CACHE_DIR"], "downloads")
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as err:
            raise ProcessorError(f"Can't create {folder}: {err.strerror}") from err
        return folder

    def create_temp_file(self, download_dir):
        """A new file in the folder, readable to all as a downloaded one."""
        handle, path = tempfile.mkstemp(dir=download_dir)
        os.fchmod(handle, 0o644)
        os.close(handle)
        return path

    def download_changed(self, header):
        """Whether the server sent anything new."""
        if header.get("http_result_code") != "304":
            return True
        self.env["download_changed"] = False
        self.output("Item at URL is unchanged.")
        return False

    def move_temp_file(self, pathname_temporary):
        """Puts what was downloaded into its place."""
        try:
            os.replace(pathname_temporary, self.env["pathname"])
        except OSError as err:
            raise ProcessorError(f"Can't move {pathname_temporary} to {self.env['pathname']}") from err

    def store_headers(self, header):
        """Sets what the server says of the file."""
        self.env["last_modified"] = header.get("last-modified") or ""
        self.env["etag"] = header.get("etag") or ""

    def main(self):
        """Downloads the file."""
        self.clear_vars()
        filename = self.get_filename()
        if filename is None:
            return
        folder = self.get_download_dir()
        self.env["pathname"] = os.path.join(folder, filename)
        pathname_temporary = self.create_temp_file(folder)
        header = self.parse_headers(self.download_with_curl(self.prepare_download_curl_cmd(pathname_temporary)))
        place = self.env["pathname"]
        same = os.path.isfile(place) and filecmp.cmp(place, pathname_temporary, shallow=False)
        self.env["download_changed"] = not same and self.download_changed(header)
        if not self.env["download_changed"]:
            os.remove(pathname_temporary)
            self.output(f"Using existing {place}")
            return
        self.move_temp_file(pathname_temporary)
        self.store_headers(header)
        self.output(f"Downloaded {place}")
        self.env["url_downloader_summary_result"] = {
            "summary_text": "The following new items were downloaded:",
            "data": {"download_path": place},
        }
