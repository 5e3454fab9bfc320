"""The core processor Copier, with the method that others borrow from it."""

import os
import shutil

from autopkglib import ProcessorError, core_class


class Copier(core_class("Copier")):
    """Copies a file or folder."""

    def copy(self, source_item, dest_item, overwrite=False):
        """Copies a file or a folder, in place of what is there if it may."""
        if overwrite and os.path.lexists(dest_item):
            try:
                if os.path.isdir(dest_item) and not os.path.islink(dest_item):
                    shutil.rmtree(dest_item)
                else:
                    os.unlink(dest_item)
            except OSError as err:
                raise ProcessorError(f"Can't remove {dest_item}: {err.strerror}") from err
        try:
            if os.path.isdir(source_item):
                shutil.copytree(source_item, dest_item, symlinks=True)
            elif os.path.isdir(dest_item):
                shutil.copy(source_item, dest_item)
            else:
                shutil.copyfile(source_item, dest_item)
        except (OSError, shutil.Error) as err:
            raise ProcessorError(f"Can't copy {source_item} to {dest_item}: {err}") from err
        self.output(f"Copied {source_item} to {dest_item}")
