"""Is FILE a PNG of WIDTH x HEIGHT with some of each COLOUR (rrggbb) in it?"""

import struct
import sys
import zlib


def chunks(data):
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += 12 + size


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def unfilter(kind, line, before, pixel):
    if kind == 2:
        return bytearray((x + b) & 255 for x, b in zip(line, before))
    for i in range(len(line) if kind else 0):
        left = line[i - pixel] if i >= pixel else 0
        corner = before[i - pixel] if i >= pixel else 0
        line[i] = (line[i] + (
            left if kind == 1 else (left + before[i]) >> 1 if kind == 3
            else paeth(left, before[i], corner))) & 255
    return line


with open(sys.argv[1], "rb") as png:
    data = png.read()
parts = list(chunks(data))
width, height, depth, colours = struct.unpack(">IIBB", parts[0][1][:10])
assert data[:8] == b"\x89PNG\r\n\x1a\n" and depth == 8 and colours in (2, 6)
pixel = 3 if colours == 2 else 4
raw = zlib.decompress(b"".join(d for kind, d in parts if kind == b"IDAT"))
before = bytearray(width * pixel)
counts = {}
for y in range(height):
    at = y * (width * pixel + 1)
    before = unfilter(raw[at], bytearray(raw[at + 1:at + 1 + width * pixel]),
                      before, pixel)
    for colour in set(sys.argv[4:]):
        rgb = bytes.fromhex(colour)
        if rgb in before:
            counts[colour] = counts.get(colour, 0) + sum(
                bytes(before[x:x + 3]) == rgb
                for x in range(0, len(before), pixel))

print(width, height, counts)
sys.exit((width, height) != (int(sys.argv[2]), int(sys.argv[3])) or
         any(counts.get(colour, 0) < 50 for colour in sys.argv[4:]))
