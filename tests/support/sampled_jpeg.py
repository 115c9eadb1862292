"""JPEG of any sampling, made by hand: of libraries none writes 4x2."""

Sampling = tuple[tuple[int, int], ...]
"""Of each component, across and down."""


def sampled_jpeg(sampling: Sampling, levels: tuple[int, ...], size: tuple[int, int] = (70, 45)) -> bytes:
    """Return a baseline JPEG whose components have one level each, 0 to 255. Source: ITU-T T.81, annex B."""
    width, height = size
    across, down = (8 * max(each[side] for each in sampling) for side in (0, 1))
    stream, before = "", [0] * len(sampling)
    for _ in range(-(-width // across) * -(-height // down)):
        for number, (wide, high) in enumerate(sampling):
            for _ in range(wide * high):
                difference = 8 * (levels[number] - 128) - before[number]
                before[number] += difference
                bits = abs(difference).bit_length()
                value = difference + (difference < 0) * ((1 << bits) - 1)
                stream += f"{bits:05b}" + (f"{value:0{bits}b}" if bits else "") + "0"
    stream += "1" * (-len(stream) % 8)
    packed = bytes(int(stream[at : at + 8], 2) for at in range(0, len(stream), 8)).replace(b"\xff", b"\xff\0")
    count = bytes((len(sampling),))
    shapes = b"".join(bytes((at, wide << 4 | high, 0)) for at, (wide, high) in enumerate(sampling, 1))
    tables = b"".join(bytes((at, 0)) for at in range(1, len(sampling) + 1))
    sizes = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\0" + b"\1" * 64),
            _segment(0xC0, b"\x08" + sizes + count + shapes),
            _segment(0xC4, b"\0" + bytes((0, 0, 0, 0, 16)) + bytes(11) + bytes(range(16))),
            _segment(0xC4, b"\x10\1" + bytes(16)),
            _segment(0xDA, count + tables + bytes((0, 63, 0))),
            packed,
            b"\xff\xd9",
        )
    )


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2, "big") + body
