"""Extended attributes, as the module of this name has them that comes with AutoPkg."""

import os


def listxattr(path):
    """The names of the attributes."""
    return os.listxattr(path)


def getxattr(path, name):
    """The value of an attribute."""
    return os.getxattr(path, name)


def setxattr(path, name, value):
    """Sets an attribute."""
    os.setxattr(path, name, value)


def removexattr(path, name):
    """Removes an attribute."""
    os.removexattr(path, name)


class xattr:
    """The attributes of one file, also as a dictionary."""

    def __init__(self, path):
        self.value = path

    def list(self):
        """The names of the attributes."""
        return listxattr(self.value)

    def get(self, name):
        """The value of an attribute."""
        return getxattr(self.value, name)

    def set(self, name, value):
        """Sets an attribute."""
        setxattr(self.value, name, value)

    def remove(self, name):
        """Removes an attribute."""
        removexattr(self.value, name)

    keys = list
    __setitem__ = set

    def __iter__(self):
        return iter(self.list())

    def __len__(self):
        return len(self.list())

    def __contains__(self, name):
        return name in self.list()

    def __getitem__(self, name):
        if name not in self:
            raise KeyError(name)
        return self.get(name)

    def __delitem__(self, name):
        if name not in self:
            raise KeyError(name)
        self.remove(name)
