"""Arrow IPC streams as Hugging Face datasets writes its shards, made without an Arrow library: for tests and seeds.

A type is "f16", "f32", "f64", "i8" ... "u64", "text", ("list", type), ("large", type) or ("fixed", size, type).
"""
import struct

NUMBERS = {"f16": "e", "f32": "f", "f64": "d", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I",
           "i64": "q", "u64": "Q"}
SCHEMA, DICTIONARY, BATCH = 1, 2, 3


class Table:
    """fields: id to ("b", "h", "i" or "q", number) or ("ref", Table, str, list of Tables or bytes of 16-byte structs)."""

    def __init__(self, **fields):
        self.fields = {int(name[1:]): value for name, value in fields.items()}


def pad(out, alignment, after=0):
    while (len(out) + after) % alignment:
        out.append(0)


def emit(out, thing):
    """Appends a thing, its children behind it; returns its position."""
    if isinstance(thing, Table):
        ids = range(max(thing.fields, default=-1) + 1)
        size, places, offsets = 4, {}, []
        for i in ids:
            kind = thing.fields.get(i, (None,))[0]
            width = {None: 0, "ref": 4}.get(kind) if kind in (None, "ref") else struct.calcsize(kind)
            if width:
                size += -size % width
                places[i] = size
            offsets.append(places.get(i, 0))
            size += width
        pad(out, 8, after=4 + 2 * len(offsets))
        vtable = len(out)
        out += struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), size, *offsets)
        at = len(out)
        out += struct.pack("<i", at - vtable) + bytes(size - 4)
        for i, place in places.items():
            kind, value = thing.fields[i]
            if kind == "ref":
                child = emit(out, value)
                struct.pack_into("<I", out, at + place, child - at - place)
            else:
                struct.pack_into("<" + kind, out, at + place, value)
        return at
    if isinstance(thing, str):
        pad(out, 4)
        at = len(out)
        out += struct.pack("<I", len(thing.encode())) + thing.encode() + b"\0"
        return at
    if isinstance(thing, bytes):
        pad(out, 8, after=4)
        at = len(out)
        out += struct.pack("<I", len(thing) // 16) + thing
        return at
    pad(out, 4)
    at = len(out)
    out += struct.pack("<I", len(thing)) + bytes(4 * len(thing))
    for i, child in enumerate(thing):
        place = at + 4 + 4 * i
        struct.pack_into("<I", out, place, emit(out, child) - place)
    return at


def message(kind, header, body=b"", marker=True):
    out = bytearray(4)
    root = emit(out, Table(_0=("h", 4), _1=("b", kind), _2=("ref", header), _3=("q", len(body))))
    struct.pack_into("<I", out, 0, root)
    pad(out, 8, after=0 if marker else 4)
    return (b"\xff\xff\xff\xff" if marker else b"") + struct.pack("<i", len(out)) + bytes(out) + body


def field(name, kind, **more):
    children = []
    if kind == "text":
        number, table = 5, Table()
    elif isinstance(kind, str) and kind[0] == "f":
        number, table = 3, Table(_0=("h", {"f16": 0, "f32": 1, "f64": 2}[kind]))
    elif isinstance(kind, str):
        number, table = 2, Table(_0=("i", int(kind[1:])), _1=("b", int(kind[0] == "i")))
    else:
        number = {"list": 12, "large": 21, "fixed": 16}[kind[0]]
        table = Table(_0=("i", kind[1])) if kind[0] == "fixed" else Table()
        children = [field("item", kind[-1])]
    return Table(_0=("ref", name), _1=("b", 1), _2=("b", number), _3=("ref", table), _5=("ref", children), **more)


def lay_out(kind, values, nodes, buffers):
    """Nodes and buffers in depth-first order."""
    nodes.append((len(values), 0))
    buffers.append(b"")  # no validity bitmap: no nulls
    if kind == "text":
        data = [v.encode() for v in values]
        buffers.append(struct.pack(f"<{len(data) + 1}i", 0, *(sum(map(len, data[:i + 1])) for i in range(len(data)))))
        buffers.append(b"".join(data))
    elif isinstance(kind, str):
        buffers.append(struct.pack(f"<{len(values)}{NUMBERS[kind]}", *values))
    else:
        if kind[0] != "fixed":
            ends, total = [0], 0
            for v in values:
                total += len(v)
                ends.append(total)
            buffers.append(struct.pack(f"<{len(ends)}{'i' if kind[0] == 'list' else 'q'}", *ends))
        lay_out(kind[-1], [x for v in values for x in v], nodes, buffers)


def batch(columns, first, count, compressed=False, nulls=0, marker=True):
    nodes, buffers = [], []
    for kind, records in columns.values():
        lay_out(kind, records[first:first + count], nodes, buffers)
    body, places = b"", []
    for b in buffers:
        places.append(struct.pack("<qq", len(body), len(b)))
        body += b + bytes(-len(b) % 8)
    nodes = b"".join(struct.pack("<qq", length, nulls) for length, _ in nodes)
    header = Table(_0=("q", count), _1=("ref", nodes), _2=("ref", b"".join(places)))
    if compressed:
        header.fields[3] = ("ref", Table())
    return message(BATCH, header, body, marker)


def stream(columns, rows_a_batch=1000, end=True, marker=True, endianness=0, dictionary=False, **how):
    """columns: name to (type, records). The other options make what readers must refuse."""
    more = {"_4": ("ref", Table())} if dictionary else {}
    fields = [field(name, kind, **more) for name, (kind, _) in columns.items()]
    out = message(SCHEMA, Table(_0=("h", endianness), _1=("ref", fields)), marker=marker)
    total = len(next(iter(columns.values()))[1])
    for first in range(0, total, rows_a_batch):
        out += batch(columns, first, min(rows_a_batch, total - first), marker=marker, **how)
    return out + (b"\xff\xff\xff\xff\0\0\0\0" if end else b"")
