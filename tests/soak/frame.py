"""The soak's frames: each has a number, says who sent it and whom it is for, and has a checksum over all that."""

import struct
import zlib

HEADERS = 42  # Ethernet, IPv4, UDP
STAMP = struct.Struct(">IHHQI")  # magic, from, to, number, CRC-32 of what is before it and behind
MAGIC = 0x50A450A4
SIZES = (62, 62, 62, 96, 128, 300, 1000, 1514)
FILLING = bytes(i & 0xFF for i in range(2048))


def ip_checksum(header):
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def headers(sender, to, sport, size):
    """UDP without a checksum from 10.1.0.SENDER to 10.0.0.TO."""
    eth = struct.pack(">6s6sH", bytes([2, 0, 0, 0, 0, to]), bytes([2, 0, 0, 0, 1, sender]), 0x0800)
    ip = [0x45, 0, size - 14, 0, 0, 64, 17, 0, bytes([10, 1, 0, sender]), bytes([10, 0, 0, to])]
    ip[7] = ip_checksum(struct.pack(">BBHHHBBH4s4s", *ip))
    return eth + struct.pack(">BBHHHBBH4s4s", *ip) + struct.pack(">HHHH", sport, 7, size - 34, 0)


def make(sender, to, sport, number, size):
    body = FILLING[number & 0xFF : (number & 0xFF) + size - HEADERS - STAMP.size]
    stamp = STAMP.pack(MAGIC, sender, to, number, 0)
    return headers(sender, to, sport, size) + stamp[:-4] + struct.pack(">I", zlib.crc32(body, zlib.crc32(stamp[:-4]))) + body


def read(frame):
    """(from, to, number) of a frame that is whole; None of any other. Headers may have been changed on the way."""
    if len(frame) < HEADERS + STAMP.size:
        return None
    magic, sender, to, number, crc = STAMP.unpack_from(frame, HEADERS)
    body = frame[HEADERS + STAMP.size :]
    if magic != MAGIC or zlib.crc32(body, zlib.crc32(frame[HEADERS : HEADERS + STAMP.size - 4])) != crc:
        return None
    return sender, to, number
