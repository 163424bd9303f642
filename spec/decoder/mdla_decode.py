#!/usr/bin/env python3
"""A second decoder of .mdla files, written from mdla-format.md alone: slow, clear, standard library.

    mdla_decode.py FILE.mdla OUT.f32 [CODEBOOK]      rows as little-endian float32

Numbers in comments are the document's sections. Anything corrupt ends with an exception.
"""
import hashlib
import pathlib
import re
import struct
import sys
import zlib


class Corrupt(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Corrupt(what)


def cost_table():
    """Appendix A, read out of the document itself."""
    text = (pathlib.Path(__file__).resolve().parent.parent / "mdla-format.md").read_text()
    numbers = [int(n) for n in re.findall(r"\d+", text.split("## Appendix A. COST")[1].split("##")[0])]
    need(len(numbers) == 241, "appendix A has 241 numbers")
    return numbers


COST = cost_table()
E = []  # 6.2
power = 1 << 63
for _ in range(4096):
    E.append(power >> 23)
    power = power * 18443622680442407998 >> 64
E.append(1 << 39)


# ---- 5: range decoder ------------------------------------------------------------------------

class Context:
    __slots__ = ("p", "count")

    def __init__(self):
        self.p, self.count = 1 << 31, 0

    def probability(self):
        return max(1, self.p >> 10)

    def update(self, bit):
        rate = 131072 // (2 * self.count + 3)
        if bit:
            self.p += (2 ** 32 - 1 - self.p) * rate >> 16
        else:
            self.p -= self.p * rate >> 16
        self.count = min(self.count + 1, 127)


class Range:
    def __init__(self, payload):
        self.payload, self.pos, self.range = payload, 8, 2 ** 64 - 1
        self.code = int.from_bytes(payload[:8].ljust(8, b"\0"), "big")
        need(self.code != 2 ** 64 - 1, "outside the first interval")

    def byte_at(self, i):
        return self.payload[i] if i < len(self.payload) else 0

    def refill(self):
        while self.range < 1 << 48:
            self.code = (self.code << 16 | self.byte_at(self.pos) << 8 | self.byte_at(self.pos + 1)) % 2 ** 64
            self.range <<= 16
            self.pos += 2

    def bit(self, p):
        split = (self.range >> 22) * p
        if self.code < split:
            self.range, bit = split, 1
        else:
            self.code, self.range, bit = self.code - split, self.range - split, 0
        self.refill()
        return bit

    def peek(self):
        return min(self.code // (self.range >> 40), 2 ** 40 - 1)

    def take(self, start, size):
        unit = self.range >> 40
        self.code, self.range = self.code - unit * start, unit * size
        need(self.code < self.range, "impossible symbol")
        self.refill()

    def raw(self, n):
        value = 0
        for _ in range(n):
            value = value << 1 | self.bit(1 << 21)
        return value

    def adaptive(self, c):
        bit = self.bit(c.probability())
        c.update(bit)
        return bit

    def byte(self, contexts):
        node = 1
        while node < 256:
            node = 2 * node + self.adaptive(contexts[node])
        return node - 256

    def golomb(self, length, high):
        n = 0
        while n < 31 and self.adaptive(length[n]):
            n += 1
        value = 1
        for i in range(n):
            value = 2 * value + (self.adaptive(high[n][i]) if i < 2 else self.raw(1))
        return value - 1

    def finish(self):  # 5.5
        taken, n = self.pos - 8, len(self.payload)
        need(taken <= n <= taken + 2 and (n == taken or self.payload[-1] != 0), "payload doesn't end with its symbols")


# ---- 6: survival coding ----------------------------------------------------------------------

def survival(cost):
    cost = min(cost, 1 << 32)
    octave, f = cost >> 28, cost & (1 << 28) - 1
    e, between = f >> 16, f & 65535
    return (E[e] - ((E[e] - E[e + 1]) * between >> 16)) >> octave


def position(d, cum, scale, start):
    count = len(cum) - 1
    window = ((2 ** 31 + 1) * 4096 - 1) // scale
    while start < count:
        end = start + 1
        while end < count and cum[end + 1] <= cum[start] + window:
            end += 1

        def bound(k):
            s = survival((cum[k] - cum[start]) * scale // 4096)
            return s - (s >> 19) + (end - k)
        v, none = d.peek(), bound(end)
        if v < none:
            d.take(0, none)
            start = end
            continue
        need(v < bound(start), "beyond the first candidate")
        k = start
        while v < bound(k + 1):
            k += 1
        d.take(bound(k + 1), bound(k) - bound(k + 1))
        return k
    return count


# ---- 8: atoms --------------------------------------------------------------------------------

MANTISSA = (65536, 77936, 92682, 110218)
INVERSE = (65536, 55109, 46341, 38968)
NEXT = ((0, 1), (3, 2), (5, 4), (6, 7), (1, 0), (2, 3), (4, 5), (7, 6))
KNOTS = [int(n) for n in """2097152 2357939 2610784 2848682 3066282 3260232 3429156 3573349 3694331 3794379
 3876132 3942282 3995385 4037744 4071360 4097930 4118864 4135317 4148221 4158327 4166232 4172409 4177233 4180997
 4183933 4186223 4188008 4189399 4190483 4191327 4191985 4192498 4192897 4193208 4193451 4193639 4193786 4193901
 4193990 4194060 4194114 4194156 4194189 4194214 4194234 4194249 4194262 4194271 4194278 4194284 4194288 4194292
 4194295 4194297 4194298 4194300 4194301 4194301""".split()]


def expand(q, s):
    magnitude = ((abs(q) * MANTISSA[s & 3]) << (s >> 2)) + 32768 >> 16
    return -magnitude if q < 0 else magnitude


def squash(x):
    a = abs(x)
    p = KNOTS[a >> 6] + ((KNOTS[(a >> 6) + 1] - KNOTS[a >> 6]) * (a & 63) >> 6)
    return 2 ** 22 - p if x < 0 else p


def stretch_table():
    table, x = [], -3584
    for i in range(4096):
        while x < 3584 and squash(x) < 1024 * i + 512:
            x += 1
        table.append(x)
    return table


STRETCH = stretch_table()


def class_of(x, f):
    if x == 0:
        return 0
    n = x.bit_length()
    return (n << f) + ((x << f >> n - 1) & (1 << f) - 1)


class Atoms:
    """A group of features (8.4 to 8.6)."""

    def __init__(self, d, dims, stride):
        self.d, self.dims, self.stride = d, dims, stride
        self.context = [[Context() for _ in range(20)] for _ in range(768)]
        self.mix = [[26214] * 3 for _ in range(20)]
        self.mean, self.magnitude, self.seen = [0] * dims, [0] * dims, 0
        self.step_index, self.state = 28, 0
        self.changed, self.sign = Context(), Context()
        self.more = [Context() for _ in range(55)]
        self.trellis, self.mixed = d.raw(1), d.raw(1)
        self.value = [d.raw(8) - 128 for _ in range(7)]
        self.size = [d.raw(7) for _ in range(7)]

    def in_steps(self, x):
        return x * INVERSE[self.step_index & 3] >> 16 + (self.step_index >> 2)

    def expect(self, q, k):  # 8.2
        s = self.stride

        def at(i):
            return q[i] if i >= 0 else 0
        near = [at(k - 1), at(k - 2), 0, 0, 0, 0]
        if s:
            near[2:] = [at(k - s - 1), at(k - s), at(k - s + 1) if s > 1 else 0, at(k - 2 * s)]
        usual = self.in_steps(self.magnitude[k])
        value = self.in_steps(self.mean[k]) * self.value[6] + 16 * sum(n * w for n, w in zip(near, self.value))
        size = usual * self.size[6] + 16 * sum(abs(n) * w for n, w in zip(near, self.size))
        v, s = abs(value) >> 6 + self.trellis, size >> 6 + self.trellis
        odd = self.state & 1
        self.expected_negative, self.shift = int(value < 0), max(0, s.bit_length() - 7)
        self.active = (64 * odd + min(class_of(s, 2), 63),
                       128 + 256 * odd + 16 * min(class_of(v, 1), 15) + min(class_of(s, 1), 15),
                       640 + 4 * min(class_of(usual, 1), 31) + min(abs(near[0]) + abs(near[3]), 3))

    def decision(self, slot):
        c = [self.context[a][slot] for a in self.active]
        if not self.mixed or slot >= 6:
            return self.d.adaptive(c[0])
        mix = self.mix[slot]
        t = [STRETCH[x.p >> 20] for x in c]
        x = max(-3584, min(3584, sum(m * v for m, v in zip(mix, t)) >> 16))
        p = squash(x)
        bit = self.d.bit(p)
        error = bit * 2 ** 22 - p
        for i in range(3):
            c[i].update(bit)
            mix[i] = max(-2 ** 20, min(2 ** 20, mix[i] + (t[i] * error >> 21)))
        return bit

    def level(self):
        if not self.decision(0):
            return 0
        negative = self.expected_negative ^ self.decision(1)
        n = 0
        while n < 18 and self.decision(2 + n):
            n += 1
        if n == 18:
            k = 0
            while k < 15 and self.d.raw(1):
                k += 1
            n += 2 ** k - 1 + self.d.raw(k)
        magnitude = (n << self.shift | self.d.raw(self.shift)) + 1
        return -magnitude if negative else magnitude

    def atom(self):
        """The next feature's atom, expanded."""
        if self.d.adaptive(self.changed):
            negative, n = self.d.adaptive(self.sign), 1
            while n < 56 and self.d.adaptive(self.more[n - 1]):
                n += 1
            self.step_index += -n if negative else n
            need(0 <= self.step_index <= 56, "step of an atom")
        q, self.state = [], 0
        for k in range(self.dims):
            self.expect(q, k)
            level = self.level()
            if self.trellis:
                sign = (level > 0) - (level < 0)
                q.append(2 * level - sign * (self.state & 1))
                self.state = NEXT[self.state][level & 1]
            else:
                q.append(level)
            need(abs(q[-1]) <= 32767 and abs(expand(q[-1], self.step_index)) <= 32767, "entry of an atom")
        values, rate = [expand(x, self.step_index) for x in q], 65536 // (self.seen + 1)
        for k, x in enumerate(values):
            self.mean[k] += (16 * x - self.mean[k]) * rate >> 16
            self.magnitude[k] += (16 * abs(x) - self.magnitude[k]) * rate >> 16
        self.seen = min(self.seen + 1, 63)
        return values


# ---- 3, 4, 7: container and codebook -----------------------------------------------------------

def chunks(data, at):
    while at < len(data):
        need(len(data) - at >= 12, "truncated")
        kind, n = data[at:at + 4], struct.unpack_from("<I", data, at + 4)[0]
        need(n <= len(data) - at - 12, "truncated")
        need(zlib.crc32(data[at:at + 8 + n]) == struct.unpack_from("<I", data, at + 8 + n)[0], "CRC")
        yield kind, data[at + 8:at + 8 + n], at, at + 12 + n
        at += 12 + n


class Codebook:
    def __init__(self, stream):
        kind, header, begin, _ = next(stream)
        need(kind == b"CBHD" and len(header) == 36, "CBHD")
        (self.dims, self.width, self.mantissa, self.exponent, _, self.bias_exponent, self.classes, self.stride,
         flags) = struct.unpack("<IIIi4siIII", header)
        need(flags == 0 and self.dims and self.width and 1 <= self.classes <= 64 and self.stride < self.dims, "CBHD")
        kind, priors, _, _ = next(stream)
        need(kind == b"CBPR", "CBPR")
        self.read_priors(Range(priors))
        self.atoms, group = {}, max(1, 2 ** 24 // self.dims)
        for first in range(0, self.width, group):
            kind, payload, _, self.end = next(stream)
            need(kind == b"CBAT", "CBAT")
            d = Range(payload)
            atoms = Atoms(d, self.dims, self.stride)
            for feature in self.order[first:first + group]:
                self.atoms[feature] = atoms.atom()
            d.finish()
        self.begin = begin

    def read_priors(self, d):  # 7.2
        def tree():
            return [Context() for _ in range(256)]
        length, high = [Context() for _ in range(31)], [[Context(), Context()] for _ in range(32)]
        sign, rate, hazard, classes = Context(), tree(), [tree(), tree(), tree()], tree()
        self.bias, value = [], 0
        for _ in range(self.dims):
            m = d.golomb(length, high)
            if m:
                value += -m if d.adaptive(sign) else m
            need(abs(value) < 2 ** 30, "bias")
            self.bias.append(value)
        self.rate = [d.byte(rate) for _ in range(self.width)]
        need(max(self.rate) <= 240, "rate")
        self.order = sorted(range(self.width), key=lambda j: (self.rate[j], j))
        self.hazard = [[d.byte(hazard[min(i, 2)]) for i in range(24)] for _ in range(self.classes)]
        need(max(map(max, self.hazard)) <= 240, "hazard")
        self.level_class = {j: d.byte(classes) for j in self.order}
        need(max(self.level_class.values()) < self.classes, "class")
        d.finish()
        self.rank_cum = [0]
        for j in self.order:
            self.rank_cum.append(self.rank_cum[-1] + COST[self.rate[j]])


# ---- 9, 10: blocks and rows --------------------------------------------------------------------

class Model:
    def __init__(self, cb, mantissa, exponent, offset):
        self.cb, self.exponent = cb, exponent
        need(256 <= mantissa < 2 ** 23 and -120 <= exponent <= 80 and min(offset) >= -96, "step")
        self.coefficient = [0]
        while len(self.coefficient) <= 4095:
            level = len(self.coefficient)
            c = max(1, (mantissa * (128 * level + offset[min(level, 4) - 1]) + 16384) >> 15)
            if c > 32767:
                break
            self.coefficient.append(c)
        self.max_level = len(self.coefficient) - 1
        need(self.max_level > 0, "step")
        shift = 16 + exponent - cb.exponent
        if shift > 36:
            ratio = 2 ** 26
        elif shift < -23:
            ratio = 1
        else:
            ratio = (mantissa << shift if shift >= 0 else mantissa >> -shift) // cb.mantissa
            ratio = max(1, min(2 ** 26, ratio))
        self.level_cum = [self.levels(h, ratio) for h in cb.hazard]
        self.bias = [self.shifted(b, cb.bias_exponent - exponent) for b in cb.bias]
        self.peak = {j: max(map(abs, a)) for j, a in cb.atoms.items()}

    def levels(self, hazard, ratio):
        cum = [0]
        for level in range(1, self.max_level + 1):
            x = max(0, (2 * level + 1) * ratio - 65536) // 2
            whole, f = x >> 16, x & 65535
            cost = sum(COST[h] for h in hazard[:min(whole, 24)])
            if whole >= 24:
                cost += (whole - 24) * COST[hazard[23]] + (COST[hazard[23]] * f >> 16)
            else:
                cost += COST[hazard[whole]] * f >> 16
            cum.append(max(cost, cum[-1] + 369))
        return cum

    @staticmethod
    def shifted(b, n):  # 9.2
        if b == 0 or n <= -32:
            return 0
        need(n <= 30, "bias")
        m = abs(b) << n if n >= 0 else abs(b) + (1 << -n - 1) >> -n
        need(m < 2 ** 30, "bias")
        return -m if b < 0 else m

    def block(self, payload, block_rows):
        need(len(payload) >= 4, "truncated block")
        rows, scale = payload[0] + 256 * payload[1] + 1, payload[2] + 256 * payload[3]
        need(rows <= block_rows and scale > 0, "block header")
        d, out = Range(payload[4:]), []
        for _ in range(rows):
            r, code = 0, []
            while (r := position(d, self.cb.rank_cum, scale, r)) < self.cb.width:
                code.append(self.cb.order[r])
                r += 1
            levels = [1 + position(d, self.level_cum[self.cb.level_class[j]], 4096, 0) for j in code]
            need(all(level <= self.max_level for level in levels), "level")
            out.append(self.row(code, [self.coefficient[level] for level in levels]))
        d.finish()
        return out

    def row(self, code, coefficients):  # 10
        most = max(map(abs, self.bias)) + sum(c * self.peak[j] for j, c in zip(code, coefficients))
        need(most <= 2 ** 31 - 1, "row beyond 32 bits")
        total = list(self.bias)
        for j, c in zip(code, coefficients):
            total = [t + c * a for t, a in zip(total, self.cb.atoms[j])]
        # struct rounds to nearest even, as the document asks; the power of two is exact.
        return [struct.unpack("<f", struct.pack("<f", t))[0] * 2.0 ** self.exponent for t in total]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        need(not (byte == 0 and shift) and shift < 64, "varint")
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def decode(data, codebook=None):
    need(data[:8] == b"\x89MDLA\r\n\x1a", "magic")
    stream = chunks(data, 8)
    kind, head, _, _ = next(stream)
    need(kind == b"HEAD" and len(head) == 40, "HEAD")
    major, minor, flags, dims, width, block_rows = struct.unpack_from("<HHIIII", head)
    dtype, model_kind, codes, embedded = head[20:24]
    mantissa, exponent = struct.unpack_from("<Ii", head, 24)
    offset = struct.unpack_from("<4b", head, 32)
    need((major, minor) == (0, 1) and flags == 0 and model_kind == 0 and codes == 0 and head[36:] == bytes(4) and
         dtype <= 12 and embedded <= 1, "unsupported")
    if embedded:
        cb = Codebook(stream)
    else:
        kind, name, _, _ = next(stream)
        need(kind == b"CREF" and len(name) == 32, "CREF")
        need(codebook is not None and codebook[:8] == b"\x89MDLC\r\n\x1a", "needs its codebook")
        need(hashlib.sha256(codebook[8:]).digest() == name, "another codebook")
        cb = Codebook(chunks(codebook, 8))
    need((cb.dims, cb.width) == (dims, width), "shapes")
    model, rows, index, stat, tail = Model(cb, mantissa, exponent, offset), [], b"", None, False
    index_offset = blocks = None
    seen = []
    for kind, payload, begin, end in stream:
        need(not tail, "something behind TAIL")
        if kind == b"BLCK":
            need(index_offset is None, "BLCK behind INDX")
            got = model.block(payload, block_rows)
            rows += got
            seen.append((len(got), end - begin))
        elif kind == b"INDX":
            need(index_offset is None, "second INDX")
            index, index_offset = payload, begin
        elif kind == b"stat":
            need(index_offset is not None and len(payload) == 48, "stat")
            stat = payload[16:]
        elif kind == b"TAIL":
            need(struct.unpack("<QQQ", payload) == (index_offset, len(rows), len(seen)), "TAIL")
            tail = True
        else:
            need(index_offset is not None and kind[0] & 0x20, "unknown critical chunk")
    need(tail, "no TAIL")
    at = 0
    for blocks in seen:
        n, at = varint(index, at)
        size, at = varint(index, at)
        need((n, size) == blocks, "INDX")
    need(at == len(index), "INDX")
    out = b"".join(struct.pack("<%df" % dims, *row) for row in rows)
    need(stat is None or hashlib.sha256(out).digest() == stat, "the recorded SHA-256 of the rows")
    return out


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    named = pathlib.Path(sys.argv[3]).read_bytes() if len(sys.argv) == 4 else None
    pathlib.Path(sys.argv[2]).write_bytes(decode(pathlib.Path(sys.argv[1]).read_bytes(), named))
