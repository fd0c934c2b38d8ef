#!/bin/sh
# initramfs.sh FOLDER: the folder as a part of an initramfs, on standard
# output. Parts may stand one after the other; a later one adds to the others.
set -eu

cd "$1"
find . | busybox cpio -o -H newc 2>/dev/null | gzip -1
