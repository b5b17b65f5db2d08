"""A file system that folds case and normalises names, as those of macOS and Windows do: the names of a directory
that are equal after Unicode's canonical decomposition and case folding are one name, which keeps its first spelling.

Usage: python3 folding-fs.py STORE MOUNTPOINT    (fusepy; ends when it is unmounted)
"""

import errno
import os
import sys
import unicodedata

from fusepy import FUSE, FuseOSError, Operations


def fold(name):
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


class Folding(Operations):
    def __init__(self, store):
        self.store = store

    def place(self, path):
        """The path in the store, in the spelling that is there as far as there is one."""
        real = self.store
        for name in path.strip("/").split("/"):
            if name == "":
                continue
            try:
                names = os.listdir(real)
            except OSError:
                names = []
            wanted = fold(name)
            real = os.path.join(real, next((other for other in names if fold(other) == wanted), name))
        return real

    def __call__(self, op, *args):
        try:
            return getattr(self, op)(*args)
        except FuseOSError:
            raise
        except OSError as error:
            raise FuseOSError(error.errno or errno.EIO) from None
        except AttributeError:
            raise FuseOSError(errno.ENOSYS) from None

    def getattr(self, path, fh=None):
        stats = os.lstat(self.place(path))
        keys = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_atime", "st_mtime", "st_ctime")
        return {key: getattr(stats, key) for key in keys}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.place(path))]

    def readlink(self, path):
        return os.readlink(self.place(path))

    def mkdir(self, path, mode):
        os.mkdir(self.place(path), mode)

    def rmdir(self, path):
        os.rmdir(self.place(path))

    def unlink(self, path):
        os.unlink(self.place(path))

    def symlink(self, path, target):
        os.symlink(target, self.place(path))

    def link(self, path, target):
        os.link(self.place(target), self.place(path), follow_symlinks=False)

    def rename(self, old, new):
        os.rename(self.place(old), self.place(new))

    def chmod(self, path, mode):
        os.chmod(self.place(path), mode)

    def chown(self, path, uid, gid):
        os.chown(self.place(path), uid, gid, follow_symlinks=False)

    def utimens(self, path, times=None):
        os.utime(self.place(path), times, follow_symlinks=False)

    def truncate(self, path, length, fh=None):
        os.truncate(self.place(path), length)

    def create(self, path, mode, fi=None):
        return os.open(self.place(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(self.place(path), flags & ~os.O_NOFOLLOW)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def release(self, path, fh):
        os.close(fh)

    def statfs(self, path):
        stats = os.statvfs(self.store)
        return {key: getattr(stats, key) for key in ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail")}


FUSE(Folding(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True)
