"""The library's structs, enumerations and callbacks, as the public headers have them.

tests/python/test_layout.py compares every field and number here with the headers.
"""
import ctypes as c
from typing import Dict, List, Tuple

UNKNOWN = 2**64 - 1
MESSAGE_MAX = 512

STATUS: Dict[str, int] = {
    "OK": 0, "ARGUMENT": 1, "MEMORY": 2, "LIMIT": 3, "FORMAT": 4, "UNSUPPORTED": 5, "CORRUPT": 6,
    "TRUNCATED": 7, "SPACE": 8, "IO": 9, "DATA": 10, "TARGET": 11, "INTERRUPTED": 12}
DTYPES: List[str] = [
    "f32", "f16", "bf16", "f64", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "bool"]
BASES: Dict[str, int] = {"sae": 0, "dense": 1, "pca": 2, "onehot": 3, "rvq": 4}
MODELS: Dict[str, int] = {"joint": 0, "additive": 1}
CODES: Dict[str, int] = {"free": 0, "sae": 1}
ARCHS: Dict[str, int] = {"batchtopk": 0, "topk": 1, "relu": 2}
BIT_CLASSES = 17

Progress = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_char_p, c.c_uint64, c.c_uint64)
"""mdla_progress: (ctx, what, done, total)."""
RowVisitor = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint64, c.c_void_p, c.c_size_t, c.c_void_p)
"""mdla_row_visitor: (ctx, row, code, count, bits)."""
FeatureVisitor = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p)
"""mdla_feature_visitor: (ctx, at)."""
StrengthVisitor = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_size_t, c.c_void_p, c.c_void_p, c.c_size_t)
"""mdla_strength_visitor: (ctx, row, feature, strength, count)."""
TrainProgress = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p)
"""mdla_train_progress: (ctx, state)."""


class mdla_error(c.Structure):
    _fields_ = [("status", c.c_int), ("text", c.c_char * MESSAGE_MAX)]


class mdla_limits(c.Structure):
    _fields_ = [("max_dims", c.c_uint32), ("max_width", c.c_uint32), ("max_rows", c.c_uint64),
                ("max_memory", c.c_uint64), ("max_chunk", c.c_uint32)]


class mdla_config(c.Structure):
    _fields_ = [("allocator", c.c_void_p), ("limits", mdla_limits), ("threads", c.c_uint32)]


class mdla_source(c.Structure):
    _fields_ = [("ctx", c.c_void_p), ("read", c.c_void_p), ("seek", c.c_void_p),
                ("nbytes", c.c_uint64), ("close", c.c_void_p)]


class mdla_sink(c.Structure):
    _fields_ = [("ctx", c.c_void_p), ("write", c.c_void_p), ("close", c.c_void_p)]


class mdla_folder(c.Structure):
    _fields_ = [("ctx", c.c_void_p), ("open", c.c_void_p), ("create", c.c_void_p),
                ("close", c.c_void_p), ("chosen", c.c_char_p), ("origin", c.c_char_p)]


class mdla_array_options(c.Structure):
    _fields_ = [("raw_dims", c.c_uint32), ("bf16", c.c_int), ("array", c.c_char_p),
                ("numbers", c.c_int)]


class mdla_sae_options(c.Structure):
    _fields_ = [("kind", c.c_char_p), ("act_scale", c.c_double)]


class mdla_sae_info(c.Structure):
    _fields_ = [("dims", c.c_uint32), ("width", c.c_uint32), ("kind", c.c_char_p),
                ("activation", c.c_char_p), ("k", c.c_uint32), ("pre_bias", c.c_int),
                ("normalisation", c.c_char_p), ("signed_code", c.c_int), ("notes", c.c_char_p),
                ("hook", c.c_char_p)]


class mdla_target(c.Structure):
    _fields_ = [("fvu", c.c_double), ("bits_per_row", c.c_double), ("step", c.c_double)]


class mdla_fit_options(c.Structure):
    _fields_ = [("target", mdla_target), ("code", c.c_int), ("model", c.c_int),
                ("effort", c.c_int), ("prune", c.c_int), ("adapt_atoms", c.c_int),
                ("block_rows", c.c_uint32), ("expected_rows", c.c_uint64), ("codewords", c.c_uint32), ("stages", c.c_uint32),
                ("progress", Progress), ("progress_ctx", c.c_void_p)]


class mdla_codebook_info(c.Structure):
    _fields_ = [("basis", c.c_int), ("stages", c.c_uint32), ("dims", c.c_uint32), ("width", c.c_uint32), ("stride", c.c_uint32),
                ("cache", c.c_int), ("sha256", c.c_uint8 * 32), ("step", c.c_double),
                ("nbytes", c.c_uint64), ("atom_bits", c.c_double), ("bias_bits", c.c_double),
                ("prior_bits", c.c_double), ("weight_bits", c.c_double), ("weights", c.c_uint64)]


class mdla_codes_shape(c.Structure):
    _fields_ = [("rows", c.c_uint64), ("has_rows", c.c_int), ("width", c.c_uint32),
                ("context", c.c_uint32)]


class mdla_encode_options(c.Structure):
    _fields_ = [("target", mdla_target), ("code", c.c_int), ("model", c.c_int),
                ("effort", c.c_int), ("reference", c.c_int), ("block_rows", c.c_uint32),
                ("postings", c.c_int), ("passage_numbers", c.c_int), ("note", c.c_char_p), ("hook", c.c_char_p),
                ("progress", Progress), ("progress_ctx", c.c_void_p)]


class mdla_encode_report(c.Structure):
    _fields_ = [("rows", c.c_uint64), ("file_nbytes", c.c_uint64),
                ("codebook_nbytes", c.c_uint64), ("postings_nbytes", c.c_uint64),
                ("tokens_nbytes", c.c_uint64), ("passages_nbytes", c.c_uint64), ("hook_nbytes", c.c_uint64),
                ("marginal_nbytes", c.c_uint64), ("fvu", c.c_double), ("step", c.c_double), ("l0", c.c_double)]


class mdla_file_info(c.Structure):
    _fields_ = [("version_major", c.c_uint32), ("version_minor", c.c_uint32),
                ("dims", c.c_uint32), ("width", c.c_uint32), ("block_rows", c.c_uint32),
                ("rows", c.c_uint64), ("blocks", c.c_uint64), ("nbytes", c.c_uint64),
                ("dtype", c.c_int), ("step", c.c_double), ("model", c.c_int),
                ("cache", c.c_int), ("context", c.c_uint32), ("passages", c.c_int),
                ("passage_numbers", c.c_int), ("tokens", c.c_int), ("embedded", c.c_int), ("postings", c.c_int),
                ("codebook_sha256", c.c_uint8 * 32), ("fvu", c.c_double),
                ("has_decoded_sha256", c.c_int), ("decoded_sha256", c.c_uint8 * 32),
                ("note", c.c_char_p), ("hook", c.c_char_p)]


class mdla_symbol_bits(c.Structure):
    _fields_ = [("starts", c.c_int), ("passage", c.c_double), ("norm", c.c_double), ("header", c.c_double),
                ("indices", c.c_double), ("levels", c.c_double)]


class mdla_coded_feature(c.Structure):
    _fields_ = [("feature", c.c_uint32), ("level", c.c_int32), ("strength", c.c_double),
                ("amount", c.c_double), ("index_bits", c.c_double), ("level_bits", c.c_double)]


class mdla_feature_row(c.Structure):
    _fields_ = [("row", c.c_uint64), ("level", c.c_int32), ("strength", c.c_double),
                ("index_bits", c.c_double), ("level_bits", c.c_double)]


class mdla_account(c.Structure):
    _fields_ = [("bits", c.c_double * BIT_CLASSES), ("file_nbytes", c.c_uint64),
                ("rows", c.c_uint64), ("active", c.c_uint64), ("charged", c.c_double),
                ("additive_indices", c.c_double), ("marginal_nbytes", c.c_uint64)]


class mdla_train_state(c.Structure):
    _fields_ = [("step", c.c_uint64), ("steps", c.c_uint64), ("rows", c.c_uint64),
                ("loss", c.c_double), ("fvu", c.c_double), ("l0", c.c_double),
                ("dead", c.c_uint32)]


class mdla_train_options(c.Structure):
    _fields_ = [("arch", c.c_int), ("width", c.c_uint32), ("l0", c.c_uint32),
                ("passes", c.c_uint32), ("batch", c.c_uint32), ("rate", c.c_double),
                ("holdout", c.c_double), ("seed", c.c_uint64), ("buffer_nbytes", c.c_uint64),
                ("checkpoint_steps", c.c_uint64), ("checkpoint", c.c_void_p),
                ("resume", c.c_int), ("progress", TrainProgress), ("progress_ctx", c.c_void_p)]


class mdla_train_report(c.Structure):
    _fields_ = [("steps", c.c_uint64), ("train_rows", c.c_uint64), ("holdout_rows", c.c_uint64),
                ("fvu", c.c_double), ("l0", c.c_double), ("dead", c.c_uint32)]


_status, _text, _handle, _p = c.c_int, c.c_char_p, c.c_void_p, c.POINTER
_error, _config = _p(mdla_error), _p(mdla_config)

PROTOTYPES: Dict[str, Tuple[object, List[object]]] = {
    # base.h
    "mdla_version": (_text, []),
    "mdla_status_text": (_text, [c.c_int]),
    "mdla_config_init": (None, [_config]),
    # mdla.h: sources and sinks
    "mdla_source_file": (_status, [_text, _p(mdla_source), _error]),
    "mdla_source_memory": (None, [c.c_void_p, c.c_size_t, _p(mdla_source)]),
    "mdla_sink_file": (_status, [_text, c.c_int, _p(mdla_sink), _error]),
    "mdla_sink_memory": (_status, [_p(c.c_void_p), _p(c.c_size_t), _p(mdla_sink)]),
    "mdla_folder_path": (_status, [_text, c.c_int, _p(mdla_folder), _error]),
    # rows
    "mdla_rows_open": (_status, [_config, mdla_source, _text, _p(mdla_array_options), _p(_handle),
                                 _error]),
    "mdla_rows_from_values": (_status, [_config, c.c_void_p, c.c_int, c.c_uint64, c.c_uint32,
                                        _p(_handle), _error]),
    "mdla_rows_concat": (_status, [_config, _p(_handle), c.c_size_t, _p(_handle), _error]),
    "mdla_rows_rewind": (_status, [_handle, _error]),
    "mdla_rows_set_passages": (_status, [_handle, _handle, _error]),
    "mdla_rows_set_tokens": (_status, [_handle, _handle, _error]),
    "mdla_rows_close": (None, [_handle]),
    # SAEs
    "mdla_sae_load": (_status, [_config, mdla_folder, _text, _p(mdla_sae_options), _p(_handle),
                                _error]),
    "mdla_sae_query": (None, [_handle, _p(mdla_sae_info)]),
    "mdla_sae_save": (_status, [_handle, mdla_folder, _error]),
    "mdla_sae_forward": (_status, [_config, _handle, c.c_void_p, c.c_size_t, c.c_void_p,
                                   c.c_void_p, _error]),
    "mdla_sae_encode": (_status, [_config, _handle, c.c_void_p, c.c_size_t, c.c_void_p,
                                  StrengthVisitor, c.c_void_p, _error]),
    "mdla_sae_decode": (_status, [_handle, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t,
                                  c.c_void_p, _error]),
    "mdla_sae_atom": (c.c_void_p, [_handle, c.c_uint32]),
    "mdla_sae_free": (None, [_handle]),
    # codebooks
    "mdla_codebook_fit": (_status, [_config, _handle, _handle, _p(mdla_fit_options), _p(_handle),
                                    _error]),
    "mdla_codebook_fit_codes": (_status, [_config, _handle, _p(mdla_fit_options), _p(_handle),
                                          _error]),
    "mdla_codebook_read": (_status, [_config, mdla_source, _text, _p(_handle), _error]),
    "mdla_codebook_write": (_status, [_handle, mdla_sink, _error]),
    "mdla_codebook_query": (None, [_handle, _p(mdla_codebook_info)]),
    "mdla_codebook_atom": (_status, [_handle, c.c_uint32, c.c_void_p]),
    "mdla_codebook_free": (None, [_handle]),
    # codes
    "mdla_codes_read": (_status, [_config, mdla_source, _text, _p(mdla_codes_shape), _p(_handle),
                                  _error]),
    "mdla_codes_read_folder": (_status, [_config, mdla_folder, c.c_void_p, c.c_size_t, _text,
                                         _p(mdla_codes_shape), _p(_handle), _error]),
    "mdla_codes_hook": (_text, [_handle]),
    "mdla_codes_note": (_text, [_handle]),
    "mdla_codes_set_tokens": (_status, [_handle, _handle, _error]),
    "mdla_codes_free": (None, [_handle]),
    # files
    "mdla_encode": (_status, [_config, _handle, _handle, _handle, _p(mdla_encode_options),
                              mdla_sink, _p(mdla_encode_report), _error]),
    "mdla_encode_codes": (_status, [_config, _handle, _handle, _p(mdla_encode_options), mdla_sink,
                                    _p(mdla_encode_report), _error]),
    "mdla_decoder_open": (_status, [_config, mdla_source, _text, _handle, _p(_handle), _error]),
    "mdla_decoder_query": (None, [_handle, _p(mdla_file_info)]),
    "mdla_decoder_codebook": (_handle, [_handle]),
    "mdla_decoder_read_rows": (_status, [_handle, c.c_void_p, c.c_size_t, _p(c.c_size_t),
                                         _error]),
    "mdla_decoder_seek": (_status, [_handle, c.c_uint64, _error]),
    "mdla_decoder_read_tokens": (_status, [_handle, c.c_uint64, c.c_size_t, c.c_void_p, _error]),
    "mdla_decoder_read_passages": (_status, [_handle, c.c_uint64, c.c_size_t, c.c_void_p, _error]),
    "mdla_decoder_visit_rows": (_status, [_handle, c.c_uint64, c.c_uint64, RowVisitor,
                                          c.c_void_p, _error]),
    "mdla_decoder_visit_feature": (_status, [_handle, c.c_uint32, FeatureVisitor, c.c_void_p,
                                             _error]),
    "mdla_decoder_top_rows": (_status, [_handle, c.c_uint32, c.c_void_p, c.c_size_t,
                                        _p(c.c_size_t), _error]),
    "mdla_decoder_account": (_status, [_handle, _p(mdla_account), _error]),
    "mdla_decoder_close": (None, [_handle]),
    "mdla_bit_class_name": (_text, [c.c_int]),
    # train.h
    "mdla_train_options_init": (None, [_p(mdla_train_options)]),
    "mdla_train": (_status, [_config, _handle, _p(mdla_train_options), _p(_handle),
                             _p(mdla_train_report), _error]),
}
"""Result and parameters of every function that the package calls."""
