#!/usr/bin/env python3
"""A second decoder of .mdla files, written from mdla-format.md alone: slow, clear, standard library.

    mdla_decode.py FILE.mdla OUT.f32 [CODEBOOK]      rows as little-endian float32; of a latent cache, its codes as CSV

Numbers in comments are the document's sections. Anything corrupt ends with an exception.
"""
import bisect
import functools
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
RATE = [131072 // (2 * count + 3) for count in range(128)]  # 5.3


# ---- 5: range decoder ------------------------------------------------------------------------

class Context:
    __slots__ = ("p", "count")

    def __init__(self, p=1 << 31, count=0):
        self.p, self.count = p, count

    def probability(self):
        return max(1, self.p >> 10)

    def update(self, bit):
        if bit:
            self.p += (0xFFFFFFFF - self.p) * RATE[self.count] >> 16
        else:
            self.p -= self.p * RATE[self.count] >> 16
        if self.count < 127:
            self.count += 1


class Golomb:
    """The contexts of one kind of whole number (5.4)."""

    def __init__(self):
        self.length, self.high = contexts(31), [contexts(2) for _ in range(32)]


def contexts(n):
    return [Context() for _ in range(n)]


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
        if self.range < 1 << 48:
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

    def byte(self, c):
        node = 1
        while node < 256:
            node = 2 * node + self.adaptive(c[node])
        return node - 256

    def golomb(self, c):
        n = 0
        while n < 31 and self.adaptive(c.length[n]):
            n += 1
        value = 1
        for i in range(n):
            value = 2 * value + (self.adaptive(c.high[n][i]) if i < 2 else self.raw(1))
        return value - 1

    def signed(self, c, sign):
        """A golomb and, where it isn't 0, its sign (7.2, 7.3)."""
        m = self.golomb(c)
        return -m if m and self.adaptive(sign) else m

    def finish(self):  # 5.5
        taken, n = self.pos - 8, len(self.payload)
        need(taken <= n <= taken + 2 and (n == taken or self.payload[-1] != 0), "payload doesn't end with its symbols")


# ---- 6: survival coding ----------------------------------------------------------------------

def survival(cost):
    cost = min(cost, 1 << 32)
    octave, f = cost >> 28, cost & (1 << 28) - 1
    e, between = f >> 16, f & 65535
    return (E[e] - ((E[e] - E[e + 1]) * between >> 16)) >> octave


def window(scale):
    return ((2 ** 31 + 1) * 4096 - 1) // scale


def bound(cost, scale, behind):
    """The chance that no candidate within `cost` is hit, `behind` candidates before the last: strictly falling."""
    s = survival(cost * scale // 4096)
    return s - (s >> 19) + behind


def position(d, cum, scale, start):  # 6.3
    count = len(cum) - 1
    while start < count:
        end = max(bisect.bisect_right(cum, cum[start] + window(scale), start, count + 1) - 1, start + 1)

        def left(k):
            return bound(cum[k] - cum[start], scale, end - k)
        v, none = d.peek(), left(end)
        if v < none:
            d.take(0, none)
            start = end
            continue
        need(v < left(start), "beyond the first candidate")
        k, beyond = start, end  # left(k) > v >= left(beyond)
        while beyond - k > 1:
            middle = (k + beyond) // 2
            k, beyond = (middle, beyond) if v < left(middle) else (k, middle)
        d.take(left(beyond), left(k) - left(beyond))
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
SQUASH = [squash(x) for x in range(-3584, 3585)]  # of x + 3584


def class_of(x, f):
    if x == 0:
        return 0
    n = x.bit_length()
    return (n << f) + ((x << f >> n - 1) & (1 << f) - 1)


def class_table(f, most):
    """min(class(x, f), most) for x up to the least that gives `most`, as more x do."""
    table = [0]
    while table[-1] < most:
        table.append(min(class_of(len(table), f), most))
    return table


CLASS_15, CLASS_31, CLASS_63 = class_table(1, 15), class_table(1, 31), class_table(2, 63)


def looked_up(table, x):
    return table[x] if x < len(table) else table[-1]


class Atoms:
    """A group of features (8.4 to 8.6)."""

    def __init__(self, d, dims, stride):
        self.d, self.dims, self.stride = d, dims, stride
        self.context = [contexts(768) for _ in range(20)]  # by slot
        self.mix = [[26214] * 3 for _ in range(20)]
        self.mean, self.magnitude, self.seen = [0] * dims, [0] * dims, 0
        self.step_index, self.state = 28, 0
        self.changed, self.sign, self.more = Context(), Context(), contexts(55)
        self.trellis, self.mixed = d.raw(1), d.raw(1)
        self.value = [d.raw(8) - 128 for _ in range(7)]
        self.size = [d.raw(7) for _ in range(7)]
        distances = [1, 2] + [stride + 1, stride, stride - 1, 2 * stride] * (stride > 0)
        self.near = [n for n in zip(distances, self.value, self.size) if n[0] > 0]
        self.zeros = [0] * max(2, 2 * stride)  # before each atom's entries

    def in_steps(self, values):
        inverse, shift = INVERSE[self.step_index & 3], 16 + (self.step_index >> 2)
        return [x * inverse >> shift for x in values]

    def expect(self, q, mean, usual):
        """8.2 for the entry that follows those in q; mean and usual are in steps."""
        value, size = mean * self.value[6], usual * self.size[6]
        for distance, value_weight, size_weight in self.near:
            n = q[-distance]
            if n:
                value += 16 * n * value_weight
                size += 16 * abs(n) * size_weight
        beside = abs(q[-1]) + (abs(q[-self.stride]) if self.stride else 0)
        v, s = abs(value) >> 6 + self.trellis, size >> 6 + self.trellis
        odd = self.state & 1
        self.expected_negative, self.shift = value < 0, max(0, s.bit_length() - 7)
        self.active = (64 * odd + looked_up(CLASS_63, s),
                       128 + 256 * odd + 16 * looked_up(CLASS_15, v) + looked_up(CLASS_15, s),
                       640 + 4 * looked_up(CLASS_31, usual) + (beside if beside < 3 else 3))

    def decision(self, slot):
        context, (a, b, c) = self.context[slot], self.active
        if not self.mixed or slot >= 6:
            return self.d.adaptive(context[a])
        a, b, c, mix = context[a], context[b], context[c], self.mix[slot]
        t = STRETCH[a.p >> 20], STRETCH[b.p >> 20], STRETCH[c.p >> 20]
        x = mix[0] * t[0] + mix[1] * t[1] + mix[2] * t[2] >> 16
        p = SQUASH[max(-3584, min(3584, x)) + 3584]
        bit = self.d.bit(p)
        a.update(bit)
        b.update(bit)
        c.update(bit)
        error = (bit << 22) - p
        for i in range(3):
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
        q, values, self.state = list(self.zeros), [], 0
        for mean, usual in zip(self.in_steps(self.mean), self.in_steps(self.magnitude)):
            self.expect(q, mean, usual)
            level = self.level()
            if self.trellis:
                sign = (level > 0) - (level < 0)
                q.append(2 * level - sign * (self.state & 1))
                self.state = NEXT[self.state][level & 1]
            else:
                q.append(level)
            values.append(expand(q[-1], self.step_index) if level else 0)
            need(abs(q[-1]) <= 32767 and abs(values[-1]) <= 32767, "entry of an atom")
        rate = 65536 // (self.seen + 1)
        self.mean = [m + ((16 * x - m) * rate >> 16) for m, x in zip(self.mean, values)]
        self.magnitude = [m + ((16 * abs(x) - m) * rate >> 16) for m, x in zip(self.magnitude, values)]
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


def check_shape(dims, width, cache):
    need((dims == 0 if cache else 1 <= dims <= 2 ** 16) and 1 <= width <= 2 ** 20, "shape")


def check_step(mantissa, exponent, offset):
    need(256 <= mantissa < 2 ** 23 and -120 <= exponent <= 80 and min(offset) >= -96, "step")


class Codebook:
    def __init__(self, stream):
        kind, header, begin, _ = next(stream)
        need(kind == b"CBHD" and len(header) == 36, "CBHD")
        (self.dims, self.width, self.mantissa, self.exponent, offset, self.bias_exponent, self.classes, self.stride,
         flags) = struct.unpack("<IIIi4siIII", header)
        need(flags & ~27 == 0 or flags == 4, "unsupported")
        self.cache, self.scales, self.offsets = flags >> 1 & 1, flags >> 3 & 1, flags >> 4 & 1
        need(self.scales or not self.offsets, "offsets without scales")
        check_shape(self.dims, self.width, self.cache)
        need(1 <= self.classes <= 64, "CBHD")
        if self.cache:
            need(header[8:24] == bytes(16) and self.stride == 0 and not self.scales, "CBHD")
        else:
            check_step(self.mantissa, self.exponent, struct.unpack("<4b", offset))
            need(-150 <= self.bias_exponent <= 100 and self.stride < self.dims, "CBHD")
        self.read_basis(stream if flags & 4 else None)
        kind, priors, _, self.end = next(stream)
        need(kind == b"CBPR", "CBPR")
        self.read_priors(Range(priors))
        self.joint = None
        if flags & 1:
            kind, payload, _, self.end = next(stream)
            need(kind == b"CBJM", "CBJM")
            self.joint = Joint(payload, [self.rate[j] for j in self.order])
        self.atoms, group = {}, max(1, 2 ** 24 // max(1, self.dims))
        for first in range(0, 0 if self.cache or self.kind == 1 else self.width, group):
            kind, payload, _, self.end = next(stream)
            need(kind == b"CBAT", "CBAT")
            d = Range(payload)
            atoms = Atoms(d, self.dims, self.stride)
            for feature in self.order[first:first + group]:
                self.atoms[feature] = atoms.atom()
            d.finish()
        self.begin = begin

    def read_bins(self, d):  # 7.2, of a latent cache
        size, edge = Golomb(), 1
        bins = d.golomb(size)
        need(1 <= bins <= 64, "bins")
        self.edge = [1]
        for _ in range(1, bins):
            self.edge.append(self.edge[-1] + 1 + d.golomb(size))
            need(self.edge[-1] < 0x7F800000, "edge of a bin")
        self.edge.append(0x7F800000)
        return bins

    def read_basis(self, stream):  # 7.1
        self.kind, self.stages = 0, 1
        if stream:
            kind, payload, _, _ = next(stream)
            need(kind == b"CBBS" and len(payload) == 8, "CBBS")
            self.kind, self.stages = struct.unpack("<II", payload)
            need(1 <= self.kind <= 3, "unsupported")
            need(self.stages == 1 or (self.kind == 3 and self.stages > 0 and self.width % self.stages == 0), "stages")
            need(self.kind != 1 or self.width == self.dims, "columns")
            need(self.kind != 3 or self.classes == 1, "classes")
        self.codes = 1 if self.cache else (0, 2, 2, 3)[self.kind]

    def read_priors(self, d):  # 7.2
        size, sign, rate, negative = Golomb(), Context(), contexts(256), contexts(256)
        classes = [contexts(256) for _ in range(2)]
        hazard = [contexts(256) for _ in range(3)]
        self.bias, value = [], 0
        for _ in range(self.dims):
            value += d.signed(size, sign)
            need(abs(value) < 2 ** 30, "bias")
            self.bias.append(value)
        hazards = self.read_bins(d) if self.cache else 24
        self.rate = [d.byte(rate) for _ in range(self.width)]
        need(max(self.rate) <= 240, "rate")
        self.order = sorted(range(self.width), key=lambda j: (self.rate[j], j))
        self.hazard, self.level_class, self.negative = [], {}, {}
        if self.kind == 3:
            self.order = list(range(self.width))
        else:
            self.hazard = [[d.byte(hazard[min(i, 2)]) for i in range(hazards)] for _ in range(self.classes)]
            need(max(map(max, self.hazard)) <= 240, "hazard")
            for j in self.order:
                self.level_class[j] = [d.byte(c) for c in classes[:2 if self.codes == 2 else 1]]
                need(max(self.level_class[j]) < self.classes, "class")
                if self.codes == 2:
                    self.negative[j] = d.byte(negative)
                    need(self.negative[j] <= 240, "negative")
        self.reference = d.signed(Golomb(), Context()) if self.scales else 0
        need(abs(self.reference) <= 2048, "reference scale")
        d.finish()
        self.rank_cum = [0]
        for j in self.order:
            self.rank_cum.append(self.rank_cum[-1] + COST[self.rate[j]])


@functools.lru_cache(maxsize=1)
def named_codebook(data):
    """A codebook file's; it's kept, for many files name the same."""
    stream = chunks(data, 8)
    codebook = Codebook(stream)
    need(next(stream, None) is None, "something behind the codebook")
    return codebook


# ---- 7.3, 9.4: joint model -----------------------------------------------------------------------

def idle_costs():
    """9.4's cost(x), by 320 - x, from 0 to 960."""
    costs = []
    for i in range(961):
        part = i & 3
        costs.append((COST[i >> 2] * (4 - part) + COST[(i >> 2) + (1 if part else 0)] * part) // 4)
    return costs


IDLE = idle_costs()


def wrapped(x):
    return (x + 2 ** 31) % 2 ** 32 - 2 ** 31


class Joint:
    """What active ranks say about others: for each rank a list of (other rank, weight)."""

    def __init__(self, payload, rates):
        need(len(payload) >= 48, "truncated CBJM")
        self.shift, counts_before, reserved, within, before, reserved_too = struct.unpack_from("<BBHIII", payload)
        need(self.shift <= 4 and counts_before <= 1 and reserved == 0 and reserved_too == 0, "unsupported")
        self.by_logit, self.by_count = payload[16:32], payload[32:48]
        need(before == 0 or counts_before, "weights of a row before that doesn't count")
        need(within + before <= 64 * len(payload), "more weights than the payload can hold")
        d, self.width = Range(payload[48:]), len(rates)
        self.read_base(d, rates)
        self.within = self.read_lists(d, [r + 1 for r in range(self.width)], within)
        self.before = self.read_lists(d, [0] * self.width, before)
        d.finish()

    def read_base(self, d, rates):
        size, sign, self.base = Golomb(), Context(), []
        for rate in rates:
            eighths = 80 - rate + d.signed(size, sign)
            need(-240 <= eighths <= 80, "base")
            self.base.append(4 * eighths)

    def read_lists(self, d, firsts, weights):
        counts, gaps, size, sign = Golomb(), [Golomb() for _ in range(21)], Golomb(), Context()
        lists = []
        for at in firsts:
            count = d.golomb(counts)
            need(count <= min(self.width - at, weights), "number of weights")
            weights -= count
            lists.append([])
            for left in range(count, 0, -1):
                gap = d.golomb(gaps[min(((self.width - at) // left).bit_length(), 20)])
                need(gap <= self.width - at - left, "gap between weights")
                m = d.golomb(size)
                need(m <= 126, "weight")
                w = -(m + 1) if d.adaptive(sign) else m + 1
                lists[-1].append((at + gap, w << self.shift))
                at += gap + 1
        need(weights == 0, "number of weights")
        return lists

    def ranks(self, d, scale, previous):
        """The row's active ranks, and the scales of their levels' costs."""
        logit, ranks, found, r = list(self.base), [], [], 0
        for i in previous:
            self.add(logit, self.before[i])
        while (r := self.next_rank(d, logit, scale, r)) < self.width:
            found.append(self.by_logit[max(0, min((logit[r] >> 5) + 11, 15))] + 1)
            self.add(logit, self.within[r])
            ranks.append(r)
            r += 1
        return ranks, [max(1, a * self.of_count(len(ranks)) >> 2) for a in found]

    def of_count(self, n):
        octave = n.bit_length() - 1
        return self.by_count[min(2 * octave + (n >> octave - 1 & 1 if octave > 0 else 0), 15)] + 1

    @staticmethod
    def add(logit, weights):
        for k, w in weights:
            logit[k] = wrapped(logit[k] + w)

    def next_rank(self, d, logit, scale, start):
        while start < self.width:
            v, cum, k, most = d.peek(), 0, start, window(scale)
            above = bound(0, scale, self.width - k)
            need(v < above, "beyond the first candidate")
            while k < self.width:
                after = cum + IDLE[max(0, min(320 - logit[k], 960))]
                if k > start and after > most:
                    break
                below = bound(after, scale, self.width - k - 1)
                if v >= below:
                    d.take(below, above - below)
                    return k
                cum, above, k = after, below, k + 1
            d.take(0, above)
            start = k
        return self.width


# ---- 9, 10: blocks and rows --------------------------------------------------------------------

class Starts:
    """Whether rows begin passages, within a block (9.3)."""

    def __init__(self):
        self.context, self.age = [Context(1 << 27, 15) for _ in range(12)], 0

    def next(self, d):
        i = 0
        while i < 11 and self.age >> i > 1:
            i += 1
        starts = d.adaptive(self.context[i])
        self.age = 0 if starts else self.age + 1
        return starts


class Tracker:
    """A number told by its difference from the mean of those before (9.5)."""

    def __init__(self, mean):
        self.size, self.sign, self.mean, self.seen = Golomb(), Context(), mean, 0

    def next(self, d, limit):
        value = (self.mean + 128 >> 8) + d.signed(self.size, self.sign)
        need(abs(value) <= limit, "scale or offset of a row")
        self.mean += (256 * value - self.mean) * (65536 // (self.seen + 1)) >> 16
        self.seen = min(self.seen + 1, 31)
        return value


class Norms:
    """Scales and offsets of rows, within a block (9.5)."""

    def __init__(self, cb, scale_bits):
        self.zero, self.offsets, self.limit = [Context(1 << 27, 15) for _ in range(2)], cb.offsets, 128 << scale_bits
        self.scale = [Tracker(cb.reference << scale_bits + 4) for _ in range(2)]
        self.offset = [Tracker(0) for _ in range(2)]

    def next(self, d, starts):
        """A row's scale (None for zero) and offset."""
        scale = None if d.adaptive(self.zero[starts]) else self.scale[starts].next(d, self.limit)
        return scale, self.offset[starts].next(d, 2 ** 30 - 1) if self.offsets else 0


def hazard_cost(hazard, x):
    whole, f, n = x >> 16, x & 65535, len(hazard)
    cost = sum(COST[h] for h in hazard[:min(whole, n)])
    if whole >= n:
        return cost + (whole - n) * COST[hazard[-1]] + (COST[hazard[-1]] * f >> 16)
    return cost + (COST[hazard[whole]] * f >> 16)


class Model:
    """How rows are coded and added up."""

    def __init__(self, cb, mantissa, exponent, offset, passages, joint, scale_bits, offset_exponent):
        self.scale_bits, self.offset_exponent = scale_bits, offset_exponent
        need(-126 <= offset_exponent <= 64 and (cb.offsets or offset_exponent == 0), "exponent of offsets")
        self.cb, self.exponent, self.passages, self.joint = cb, exponent, passages, joint
        self.started = []  # of each row, whether a passage starts with it
        check_step(mantissa, exponent, offset)
        need(cb.joint or not joint, "the codebook has no joint model")
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
        width = cb.width // cb.stages
        self.choices = [[c - cb.rank_cum[s] for c in cb.rank_cum[s:s + width]] for s in range(0, cb.width, width)]

    def levels(self, hazard, ratio):
        cum = [0]
        for level in range(1, self.max_level + 1):
            cost = hazard_cost(hazard, max(0, (2 * level + 1) * ratio - 65536) // 2)
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
        d, starts, norms, previous, out = Range(payload[4:]), Starts(), Norms(self.cb, self.scale_bits), [], []
        highest = {}  # level of each feature
        self.sign = Context()
        for _ in range(rows):
            first = starts.next(d) if self.passages else 0
            self.started.append(first)
            if first:
                previous = []
            norm = norms.next(d, first) if self.cb.scales else None
            if self.cb.kind == 3:
                need(scale == 4096, "scale of choices")
                width = self.cb.width // self.cb.stages
                code = [s * width + position(d, cum, 4096, 0) for s, cum in enumerate(self.choices)]
                taken = [(1, self.coefficient[1])] * len(code)
            else:
                previous, scales = self.ranks(d, scale, previous)
                code = [self.cb.order[r] for r in previous]
                taken = [self.take(d, j, s) for j, s in zip(code, scales)]
            out.append(self.row(code, [strength for _, strength in taken], norm))
            for j, (level, _) in zip(code, taken):
                highest[j] = max(level, highest.get(j, 0))
        d.finish()
        return out, highest

    def strength(self, _, level):
        """What a level stands for, with what follows it in the stream."""
        return self.coefficient[level]

    def take(self, d, feature, scale):
        """A feature's level, or its magnitude, and what it stands for."""
        negative = False
        if self.cb.codes == 2:
            negative = d.bit(max(1, min(2 ** 22 - (survival(COST[self.cb.negative[feature]]) >> 18), 2 ** 22 - 1)))
        level = 1 + position(d, self.level_cum[self.cb.level_class[feature][negative]], scale, 0)
        need(level <= self.max_level, "level")
        return level, -self.strength(d, level) if negative else self.strength(d, level)

    def ranks(self, d, scale, previous):
        """The row's active ranks and the scales of their levels; previous: the ranks of the row before."""
        if self.joint:
            return self.cb.joint.ranks(d, scale, previous)
        ranks, r = [], 0
        while (r := position(d, self.cb.rank_cum, scale, r)) < self.cb.width:
            ranks.append(r)
            r += 1
        return ranks, [4096] * len(ranks)

    def row(self, code, coefficients, norm):  # 10
        products = [abs(c) * self.peak.get(j, 2 ** 14) for j, c in zip(code, coefficients)]
        most = max(map(abs, self.bias)) + (max(products, default=0) if self.cb.kind == 1 else sum(products))
        need(most <= 2 ** 31 - 1, "row beyond 32 bits")
        total = list(self.bias)
        for j, c in zip(code, coefficients):
            if self.cb.kind == 1:
                total[j] += c * 2 ** 14
            else:
                total = [t + c * a for t, a in zip(total, self.cb.atoms[j])]
        if norm is not None:
            return self.at_full_size(total, most, *norm)
        # struct rounds to nearest even, as the document asks; the power of two is exact.
        return [struct.unpack("<f", struct.pack("<f", t))[0] * 2.0 ** self.exponent for t in total]

    def at_full_size(self, total, most, scale, offset):
        mantissa, unit, up, down = 0, self.offset_exponent, 0, 0
        if scale is not None:
            part = scale & (1 << self.scale_bits) - 1
            mantissa = E[4096 - (part << 12 - self.scale_bits)] >> 24
            unit = self.exponent + (scale >> self.scale_bits) - 15
            if self.cb.offsets:
                up, down = max(0, unit - self.offset_exponent), max(0, self.offset_exponent - unit)
                unit -= up
        need(up <= 61 and down <= 61 and max(1, most) * mantissa << up <= 2 ** 61 and abs(offset) << down <= 2 ** 61,
             "row beyond 64 bits")
        need(-126 <= unit <= 64, "unit of a row")
        factor, offset = mantissa << up, offset << down
        return [to_float32(t * factor + offset) * 2.0 ** unit for t in total]


def to_float32(n):
    """An integer of up to 63 bits, rounded once to 24: nearest, ties to even."""
    m, drop = abs(n), max(0, abs(n).bit_length() - 24)
    kept, rest, half = m >> drop, m & (1 << drop) - 1, 1 << drop >> 1
    kept += 1 if drop and (rest > half or rest == half and kept & 1) else 0
    return float((kept << drop) if n >= 0 else -(kept << drop))


def check_postings(chunks, width, blocks):  # 4.7
    """Every list against the codes; blocks: the highest level of each feature, block by block."""
    feature = 0
    for payload in chunks:
        need(len(payload) >= 8, "post")
        first, count = struct.unpack_from("<II", payload)
        need(first == feature and 0 < count <= width - first, "features of post")
        d, usual = Range(payload[8:]), [Context() for _ in range(43)]
        for feature in range(first, first + count):
            own = [Context(c.p, min(c.count, 1)) for c in usual]
            for highest in blocks:
                n = 0
                while n < 43:
                    bit = d.adaptive(own[n])
                    usual[n].update(bit)
                    if not bit:
                        break
                    n += 1
                need(n == posting(highest.get(feature, 0)), "a posting list")
        d.finish()
        feature = first + count
    need(feature == width or not chunks, "features without a posting list")


def posting(level):
    n = level.bit_length()
    return level if level < 8 else 4 * (n - 2) + (level >> (n - 3) & 3)


def nearest_float(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def float_bits(v, e):
    n = v.bit_length()
    return ((e + n + 126) << 23) + ((v << 24) >> n) - 2 ** 23


class CacheModel(Model):
    """A code without atoms (9.6). Its rows are lists of (feature, level, strength)."""

    def __init__(self, cb, mantissa, exponent, has_signs, passages, joint):
        self.cb, self.mantissa, self.exponent, self.passages, self.joint = cb, mantissa, exponent, passages, joint
        self.scale_bits, self.started = 0, []
        self.exact, self.has_signs = mantissa == 0, has_signs
        need(has_signs <= 1, "unsupported")
        need(cb.joint or not joint, "the codebook has no joint model")
        if self.exact:
            need(0 <= exponent <= 23, "unsupported")
        else:
            check_step(mantissa, exponent, [0])
        self.max_level = len(cb.edge) - 1 if self.exact else 4095
        places = [self.place(level) for level in range(1, self.max_level + 1)]
        self.level_cum = []
        for hazard in cb.hazard:
            cum = [0]
            for x in places:
                cum.append(max(hazard_cost(hazard, x), cum[-1] + 369))
            self.level_cum.append(cum)

    def place(self, level):
        if self.exact:
            return level << 16
        m, edge = float_bits((2 * level + 1) * self.mantissa, self.exponent + 5), self.cb.edge
        b = bisect.bisect_right(edge, m) - 1
        return (b << 16) + ((m - edge[b]) << 16) // (edge[b + 1] - edge[b])

    def row(self, code, coefficients, norm):
        return [(j, *strength) for j, strength in zip(code, coefficients)]

    def strength(self, d, level):
        if self.exact:
            magnitude = struct.unpack("<f", struct.pack("<I", self.magnitude(d, level)))[0]
            level = 0
        else:
            magnitude = nearest_float(level * self.mantissa * 2.0 ** (self.exponent + 6))
        return level, -magnitude if self.has_signs and d.adaptive(self.sign) else magnitude

    def magnitude(self, d, level):
        first, end = (-(-self.cb.edge[b] >> self.exponent) for b in (level - 1, level))
        count, place = end - first, 0
        need(count > 0, "empty bin")
        if count > 1:
            size = 2 ** 40 // count
            place = d.peek() // size
            need(place < count, "place in a bin")
            d.take(place * size, size)
        return first + place << self.exponent


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


def token_ids(payload, types):  # 4.8
    rows, kind, w, reserved = struct.unpack_from("<IBBH", payload)
    need(1 <= rows <= 65536 and 4 <= kind <= 11 and w in (1, 2, 4, 8) and reserved == 0, "head of toks")
    types.add(kind)
    stream = zlib.decompressobj()
    try:
        values = stream.decompress(payload[8:], rows * w)
        # The values may be whole before the stream is.
        need(stream.decompress(stream.unconsumed_tail, 1) == b"" and stream.eof and not stream.unused_data, "toks")
    except zlib.error as error:
        raise Corrupt("toks") from error
    need(len(values) == rows * w, "toks")
    return struct.unpack(f"<{rows}{'BHIq'[w.bit_length() - 1]}", values)


def passage_numbers(payload, types, starts):  # 4.10; starts: of the rows from the chunk's first on
    need(len(payload) >= 12, "docs")
    rows, = struct.unpack_from("<I", payload)
    values = token_ids(payload[4:], types)
    need(len(values) <= rows <= 65536 and rows <= len(starts), "head of docs")
    need(len(values) == 1 + sum(starts[1:rows]), "numbers of docs aren't as many as passages")
    number, numbers = 0, []
    for z in values:
        z %= 2 ** 64
        number += -(z >> 1) - 1 if z & 1 else z >> 1
        numbers.append(number % 2 ** 64)
    passage, out = 0, []
    for start in [0, *starts[1:rows]]:
        passage += start
        out.append(numbers[passage])
    return out


def hook_name(payload):  # 4.9
    need(1 <= len(payload) <= 255 and min(payload) >= 32 and 127 not in payload, "hook")
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Corrupt("hook") from error


def decode(data, codebook=None):
    need(data[:8] == b"\x89MDLA\r\n\x1a", "magic")
    stream = chunks(data, 8)
    kind, head, _, _ = next(stream)
    need(kind == b"HEAD" and len(head) == 40, "HEAD")
    major, minor, flags, dims, width, block_rows = struct.unpack_from("<HHIIII", head)
    dtype, model_kind, codes, embedded = head[20:24]
    mantissa, exponent = struct.unpack_from("<Ii", head, 24)
    offset = struct.unpack_from("<4b", head, 32)
    scale_bits, offset_exponent = struct.unpack_from("<Hh", head, 36) if codes != 1 else (0, 0)
    need((major, minor) == (0, 3) and flags <= 3 and model_kind <= 1 and codes <= 3 and dtype <= 12 and embedded <= 1 and
         scale_bits <= 12 and (flags & 2 or scale_bits == offset_exponent == 0) and not (codes == 1 and flags & 2), "unsupported")
    check_shape(dims, width, codes == 1)
    need(1 <= block_rows <= 2 ** 16, "rows of a block")
    if embedded:
        cb = Codebook(stream)
    else:
        kind, name, _, _ = next(stream)
        need(kind == b"CREF" and len(name) == 32, "CREF")
        need(codebook is not None and codebook[:8] == b"\x89MDLC\r\n\x1a", "needs its codebook")
        need(hashlib.sha256(codebook[8:]).digest() == name, "another codebook")
        cb = named_codebook(codebook)
    need((cb.dims, cb.width, cb.codes) == (dims, width, codes), "shapes")
    need(flags >> 1 & 1 == cb.scales, "scales of rows")
    if codes == 1:
        model = CacheModel(cb, mantissa, exponent, struct.unpack_from("<I", head, 32)[0], flags & 1, model_kind == 1)
    else:
        model = Model(cb, mantissa, exponent, offset, flags & 1, model_kind == 1, scale_bits, offset_exponent)
    rows, index, stat, note, hook, tail, ids, types = [], b"", None, None, None, False, [], set()
    numbers, number_types = [], set()
    lists, highest = [], []
    index_offset = blocks = None
    seen = []
    for kind, payload, begin, end in stream:
        need(not tail, "something behind TAIL")
        if kind == b"BLCK":
            need(index_offset is None, "BLCK behind INDX")
            got, levels = model.block(payload, block_rows)
            rows += got
            highest.append(levels)
            seen.append((len(got), end - begin))
        elif kind == b"INDX":
            need(index_offset is None, "second INDX")
            index, index_offset = payload, begin
        elif kind == b"stat":
            need(index_offset is not None and len(payload) == 48 and stat is None and codes != 1, "stat")
            stat = payload[16:]
        elif kind == b"note":
            need(index_offset is not None and note is None, "note")
            note = payload
        elif kind == b"post":
            need(index_offset is not None and codes != 1, "post")
            lists.append(payload)
        elif kind == b"toks":
            need(index_offset is not None and len(payload) >= 8, "toks")
            ids += token_ids(payload, types)
        elif kind == b"docs":
            need(index_offset is not None and flags & 1, "docs")
            numbers += passage_numbers(payload, number_types, model.started[len(numbers):])
        elif kind == b"hook":
            need(index_offset is not None and hook is None, "hook")
            hook = hook_name(payload)
        elif kind == b"TAIL":
            need(struct.unpack("<QQQ", payload) == (index_offset, len(rows), len(seen)), "TAIL")
            tail = True
        else:
            need(index_offset is not None and kind[0] & 0x20, "unknown critical chunk")
    need(tail, "no TAIL")
    need(len(ids) in (0, len(rows)) and len(types) <= 1, "ids of tokens don't fit the rows")
    need(len(numbers) in (0, len(rows)) and len(number_types) <= 1, "numbers of passages don't fit the rows")
    at = 0
    for blocks in seen:
        n, at = varint(index, at)
        size, at = varint(index, at)
        need((n, size) == blocks, "INDX")
    need(at == len(index), "INDX")
    if codes == 1:
        need(not lists, "posting lists of a latent cache")
        lines = ["%d,%d,%d,%.9g\n" % (r, *entry) for r, row in enumerate(rows) for entry in row]
        return ("row,feature,level,strength\n" + "".join(lines)).encode()
    check_postings(lists, width, highest)
    out = b"".join(struct.pack("<%df" % dims, *row) for row in rows)
    need(stat is None or hashlib.sha256(out).digest() == stat, "the recorded SHA-256 of the rows")
    return out


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    named = pathlib.Path(sys.argv[3]).read_bytes() if len(sys.argv) == 4 else None
    pathlib.Path(sys.argv[2]).write_bytes(decode(pathlib.Path(sys.argv[1]).read_bytes(), named))
