#!/usr/bin/python3
"""Writes the seeds of tests/fuzz/corpus/: one small good file a kind. What fuzzing finds is added beside them,
named for what it shows. Python's library alone; the same bytes each time."""
import gzip
import io
import json
import math
import pathlib
import struct
import sys
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import arrow_stream  # noqa: E402

HERE = pathlib.Path(__file__).parent / "corpus"


def npy(descr, fortran, shape, data, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def named(embedded):
    """A .mdla file with its codebook's name in the codebook's place."""
    out, at = embedded[:8], 8
    while at < len(embedded):
        kind, length = struct.unpack_from("<4sI", embedded, at)
        payload = bytearray(embedded[at + 8:at + 8 + length])
        at += length + 12
        if kind == b"HEAD":
            payload[23] = 0
        elif kind == b"CBHD":
            kind, payload = b"CREF", bytearray(32)
        elif kind[:2] == b"CB":
            continue
        elif kind == b"INDX":
            index_offset = len(out)
        elif kind == b"TAIL":
            payload[:8] = struct.pack("<Q", index_offset)
        chunk = struct.pack("<4sI", kind, len(payload)) + payload
        out += chunk + struct.pack("<I", zlib.crc32(chunk))
    return out


def idx(code, sizes, data):
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + data


def sae(config, dims, width, more=()):
    shapes = {"W_dec": [width, dims], "W_enc": [dims, width], "b_dec": [dims], "b_enc": [width],
              **{name: [width] for name in more}}
    header, data = {}, b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * count]}
        data += struct.pack(f"<{count}f", *(1 + i / 4 for i in range(count)))
    text = json.dumps(header).encode()
    config = {"d_in": dims, "d_sae": width, **config}
    return json.dumps(config).encode() + b"\0" + struct.pack("<Q", len(text)) + text + data


def tensors(**arrays):
    """A safetensors file of (dtype, shape, bytes)."""
    header, data = {}, b""
    for name, (dtype, shape, content) in arrays.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def values(shape):
    """As many floats as a tensor of this shape has."""
    count = math.prod(shape)
    return struct.pack(f"<{count}f", *(0.5 + i / 8 for i in range(count)))


def float_tensors(shapes):
    """A safetensors file of F32 tensors of these shapes."""
    return tensors(**{name: ("F32", shape, values(shape)) for name, shape in shapes.items()})


def zipped(members, method=zipfile.ZIP_STORED):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as z:
        for name, data in members.items():
            z.writestr(zipfile.ZipInfo(name), data, method)
    return sink.getvalue()


def archive(method, **members):
    return zipped({name + ".npy": data for name, data in members.items()}, method)


def png(colour, width, height, interlaced=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + bytes(range(width * (3 if colour == 2 else 1))) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, interlaced))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def csr(method):
    return archive(method, indices=npy("<i4", False, "(3,)", struct.pack("<3i", 4, 1, 0)),
                   indptr=npy("<i4", False, "(3,)", struct.pack("<3i", 0, 2, 3)), format=npy("|S3", False, "()", b"csr"),
                   shape=npy("<i8", False, "(2,)", struct.pack("<2q", 2, 6)),
                   data=npy("<f4", False, "(3,)", struct.pack("<3f", 1, 2, 3)))


def arrow(**how):
    hook = [[[float(r * 6 + c * 3 + d) for d in range(3)] for c in range(2)] for r in range(5)]
    return arrow_stream.stream({"text": ("text", ["a", "bc", "", "d", "e"]), "acts": (("list", ("list", "f32")), hook),
                                "fixed": (("fixed", 2, "i32"), [[r, -r] for r in range(5)])}, rows_a_batch=2, **how)


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def torch(shapes, more=b""):
    """What torch.save writes of a dictionary of float tensors."""
    pickle, members = b"\x80\x02}(", {}
    for number, (name, shape) in enumerate(shapes.items()):
        count, strides = 1, []
        for size in reversed(shape):
            strides.insert(0, count)
            count *= size
        tuples = b"".join(b"(" + b"".join(b"K" + bytes([n]) for n in sizes) + b"t" for sizes in (shape, strides))
        pickle += (text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n" +
                   text(str(number)) + text("cpu") + b"K" + bytes([count]) + b"tQK\0" + tuples +
                   b"\x89ccollections\nOrderedDict\n)RtR")
        members[f"ae/data/{number}"] = values(shape)
    return pickle + more + b"u.", members


def folder(layout, config, weights):
    return bytes([layout]) + json.dumps(config).encode() + b"\0" + weights


def saes():
    linear = {"encoder.weight": [3, 2], "encoder.bias": [3], "decoder.weight": [2, 3]}
    llama = {"d_model": 2, "d_sae": 3, "act_fn": "topk", "top_k": 1, "jump_relu_threshold": 0.5,
             "norm_activation": "dataset-wise", "dataset_average_activation_norm": {"in": 2, "out": 3},
             "sparsity_include_decoder_norm": True}
    llama3 = {"sae_type": "sae", "d_model": 2, "expansion_factor": 1.5, "act_fn": "jumprelu", "norm_activation": "dataset-wise",
              "sparsity_include_decoder_norm": True, "hook_point_in": "h", "hook_point_out": "h"}
    pickle, members = torch({**linear, "b_dec": [2], "threshold": []})
    pt = zipped({"ae/data.pkl": pickle, "ae/byteorder": b"little", **members})
    openai, storages = torch({"pre_bias": [2], "encoder.weight": [3, 2], "latent_bias": [3], "decoder.weight": [2, 3]},
                             text("activation") + text("TopK") + text("activation_state_dict") + b"}(" + text("k") + b"K\1u")
    gated = {"W_enc": [2, 3], "W_dec": [3, 2], "b_dec": [2], "b_gate": [3], "r_mag": [3], "b_mag": [3]}
    params = {name + ".npy": npy("<f4", False, tuple(shape), bytes(4 * (shape[0] * (shape[1] if len(shape) > 1 else 1))))
              for name, shape in {"W_enc": [2, 3], "W_dec": [3, 2], "b_enc": [3], "b_dec": [2], "threshold": [3]}.items()}
    return {
        "fuzz_sae/gated": folder(0, {"d_in": 2, "d_sae": 3, "architecture": "gated", "normalize_activations": "layer_norm"},
                                 float_tensors(gated)),
        "fuzz_sae/sparsify": folder(1, {"d_in": 2, "num_latents": 3, "k": 3, "activation": "groupmax"},
                                    float_tensors({"encoder.weight": [3, 2], "encoder.bias": [3], "W_dec": [3, 2], "b_dec": [2]})),
        "fuzz_sae/gemma-2": folder(2, {"type": "sae", "architecture": "jump_relu"},
                                   float_tensors({"w_enc": [2, 3], "w_dec": [3, 2], "b_enc": [3], "b_dec": [2], "threshold": [3]})),
        "fuzz_sae/gemma": folder(3, {}, zipped(params)),
        "fuzz_sae/llama-1": folder(4, llama, float_tensors({**linear, "decoder.bias": [2]})),
        "fuzz_sae/llama-3": folder(5, llama3, float_tensors({"W_E": [2, 3], "b_E": [3], "W_D": [3, 2], "b_D": [2],
                                                       "log_jumprelu_threshold": [3], "dataset_average_activation_norm.h": []})),
        "fuzz_sae/dictionary": folder(6, {"trainer": {"dict_class": "BatchTopKSAE", "dict_size": 3}}, pt),
        "fuzz_sae/openai": folder(7, {}, zipped({"5/data.pkl": openai, **{n.replace("ae/", "5/"): d for n, d in storages.items()}})),
        "fuzz_sae/pickle": b"\6" + pickle,
        "fuzz_zip/stored": zipped({"a": b"abcabc", "b/c": b""}),
        "fuzz_zip/deflated": zipped({"a": b"abcabc" * 9}, zipfile.ZIP_DEFLATED),
        "fuzz_zip/torch": pt,
    }


def main():
    floats = struct.pack("<6f", *range(6))
    seeds = {
        "fuzz_npy/c-order": npy("<f4", False, (2, 3), floats),
        "fuzz_npy/fortran-3d": npy("<f4", True, (2, 3, 1), floats),
        "fuzz_npy/fortran": npy("|u1", True, (2, 3), bytes(range(6))),
        "fuzz_npy/version-2": npy(">f8", False, (1, 2), bytes(16), 2),
        "fuzz_npy/bf16": npy("<V2", False, (1, 3), floats[:6]),
        "fuzz_arrays/stored.npz": archive(zipfile.ZIP_STORED, acts=npy("<f4", False, (2, 3), floats)),
        "fuzz_arrays/deflated.npz": archive(zipfile.ZIP_DEFLATED, acts=npy("<f4", True, (2, 3), floats),
                                            ids=npy("<i8", False, "(2,)", bytes(16))),
        "fuzz_arrays/csr.npz": csr(zipfile.ZIP_STORED),
        "fuzz_arrays/tensors": tensors(acts=("F32", [1, 2, 3], floats), ids=("U16", [1, 2], bytes(4))),
        "fuzz_arrays/coo": tensors(row=("I32", [2], struct.pack("<2i", 0, 1)), col=("U8", [2], b"\1\0"),
                                   data=("F16", [2], b"\0\x3c\0\x40"), shape=("I64", [2], struct.pack("<2q", 2, 3))),
        "fuzz_arrays/delphi": tensors(locations=("U16", [2, 3], struct.pack("<6H", 0, 1, 2, 2, 7, 49)),
                                      activations=("F16", [2], b"\0\x3c\0\x40")),
        "fuzz_delphi/cache": json.dumps(
            {"dataset_repo": "a", "dataset_name": "\u00fc\U0001f600\"", "batch_size": 1, "cache_ctx_len": 8, "n_tokens": 25,
             "n_splits": 1}, separators=(",", ":")).encode() + b"\0" + tensors(
                 tokens=("I64", [3, 8], bytes(192)), locations=("U16", [2, 3], struct.pack("<6H", 0, 1, 2, 2, 7, 49)),
                 activations=("F16", [2], b"\0\x3c\0\x40")),
        "fuzz_mdla/named": named((HERE / "fuzz_mdla/hook").read_bytes()),
        "fuzz_arrays/arrow": arrow(),
        "fuzz_arrays/arrow-old": arrow(marker=False, end=False),
        "fuzz_arrays/grey.png": png(0, 5, 3),
        "fuzz_arrays/rgb.png": png(2, 4, 2),
        "fuzz_idx/plain": idx(8, (2, 2, 1), bytes(4)),
        "fuzz_idx/gzipped": gzip.compress(idx(0x0E, (2, 1), bytes(16)), mtime=0),
        "fuzz_idx/raw": bytes(84),
        "fuzz_safetensors/standard": sae({"normalize_activations": "none"}, 2, 3),
        "fuzz_safetensors/topk": sae({"architecture": "topk", "k": 1, "rescale_acts_by_decoder_norm": True}, 1, 2),
        "fuzz_safetensors/jumprelu": sae({"architecture": "jumprelu"}, 2, 1, ("threshold",)),
        "fuzz_safetensors/factor": sae({"finetuning_scaling_factor": True}, 1, 1, ("scaling_factor",)),
    }
    seeds.update(saes())
    for name, data in seeds.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


main()
