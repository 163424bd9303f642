#!/usr/bin/python3
"""Writes the seeds of tests/fuzz/corpus/: one small good file a kind. What fuzzing finds is added beside them,
named for what it shows. Python's library alone; the same bytes each time."""
import gzip
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent / "corpus"


def npy(descr, fortran, shape, data, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


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


def main():
    floats = struct.pack("<6f", *range(6))
    seeds = {
        "fuzz_npy/c-order": npy("<f4", False, (2, 3), floats),
        "fuzz_npy/fortran-3d": npy("<f4", True, (2, 3, 1), floats),
        "fuzz_npy/fortran": npy("|u1", True, (2, 3), bytes(range(6))),
        "fuzz_npy/version-2": npy(">f8", False, (1, 2), bytes(16), 2),
        "fuzz_npy/bf16": npy("<V2", False, (1, 3), floats[:6]),
        "fuzz_idx/plain": idx(8, (2, 2, 1), bytes(4)),
        "fuzz_idx/gzipped": gzip.compress(idx(0x0E, (2, 1), bytes(16)), mtime=0),
        "fuzz_idx/raw": bytes(84),
        "fuzz_safetensors/standard": sae({"normalize_activations": "none"}, 2, 3),
        "fuzz_safetensors/topk": sae({"architecture": "topk", "k": 1, "rescale_acts_by_decoder_norm": True}, 1, 2),
        "fuzz_safetensors/jumprelu": sae({"architecture": "jumprelu"}, 2, 1, ("threshold",)),
        "fuzz_safetensors/factor": sae({"finetuning_scaling_factor": True}, 1, 1, ("scaling_factor",)),
    }
    for name, data in seeds.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


main()
