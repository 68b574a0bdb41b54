"""For tests: data as a later version of LumenKV would leave it. docs/file_formats.md#header-block"""
HEADER_BYTES = 4096


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def make_newer(directory):
    """The manifest of this data directory then says that it is of format 2, under a good checksum."""
    manifest, = directory.glob("MANIFEST-*")
    with open(manifest, "r+b") as file:
        header = bytearray(file.read(HEADER_BYTES))
        header[8:12] = (2).to_bytes(4, "little")
        header[-4:] = crc32c(header[:-4]).to_bytes(4, "little")
        file.seek(0)
        file.write(header)
