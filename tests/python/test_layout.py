"""The package's structs, numbers and prototypes are those of the public headers."""
import ctypes
import os
import pathlib
import subprocess

from mdla import _layout
from mdla._library import __version__

TOP = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = [f"-I{TOP}/format/include", f"-I{TOP}/codec/include"]
STRUCTS = [value for value in vars(_layout).values()
           if isinstance(value, type) and issubclass(value, ctypes.Structure)]
HEAD = "#include <mdla/train.h>\n#include <stdio.h>\n#include <stddef.h>\n#include <string.h>\n"


def compile_c(folder, text):
    (folder / "probe.c").write_text(HEAD + text)
    done = subprocess.run([os.environ["MDLA_CC"], "-std=c11", "-Wall", "-Werror", *INCLUDE, "-o", folder / "probe",
                           folder / "probe.c", "-L" + os.environ["MDLA_BUILD"] + "/format", "-lmdla"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return subprocess.run([folder / "probe"], capture_output=True, text=True, check=True,
                          env={"LD_LIBRARY_PATH": os.environ["MDLA_BUILD"] + "/format"}).stdout


def test_structs_have_the_headers_layout(tmp_path):
    lines, expected = [], []
    assert len(STRUCTS) > 15
    for struct in STRUCTS:
        name = struct.__name__
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field, *_ in struct._fields_:
            lines.append(f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), '
                         f'sizeof((({name} *)0)->{field}));')
            place = getattr(struct, field)
            expected.append(f"{name}.{field} {place.offset} {place.size}")
    assert compile_c(tmp_path, "int main(void){" + "".join(lines) + "return 0;}").split("\n")[:-1] == expected


def numbers():
    """(expression of C, number) of every enumeration value."""
    yield from ((f"MDLA_{'' if name == 'OK' else 'ERR_'}{name}", number)
                for name, number in _layout.STATUS.items())
    yield from ((f"MDLA_{name.upper()}", number) for number, name in enumerate(_layout.DTYPES))
    yield from ((f"MDLA_MODEL_{name.upper()}", number) for name, number in _layout.MODELS.items())
    yield from ((f"MDLA_BASIS_{name.upper()}", number) for name, number in _layout.BASES.items())
    yield from ((f"MDLA_CODE_{name.upper()}", number) for name, number in _layout.CODES.items())
    yield from ((f"MDLA_TRAIN_{name.upper()}", number) for name, number in _layout.ARCHS.items())
    yield "MDLA_BITS_CLASSES", _layout.BIT_CLASSES
    yield "MDLA_MESSAGE_MAX", _layout.MESSAGE_MAX


def test_numbers_are_the_headers(tmp_path):
    pairs = list(numbers())
    lines = [f'printf("{name} %d\\n", (int){name});' for name, _ in pairs]
    # No value is left out: the next dtype has no name.
    lines.append(f'printf("%d %s\\n", mdla_dtype_name((mdla_dtype){len(_layout.DTYPES)}) == NULL, MDLA_VERSION);')
    assert compile_c(tmp_path, "int main(void){" + "".join(lines) + "return 0;}").split("\n")[:-1] == [
        *(f"{name} {number}" for name, number in pairs), f"1 {__version__}"]


def c_value(parameter):
    """An expression of the type that a parameter has in C; those to handles and callbacks convert to any."""
    if isinstance(parameter, type) and issubclass(parameter, ctypes._CFuncPtr):
        return "NULL"
    if parameter is ctypes.c_char_p:
        return "(const char *)0"
    if parameter is ctypes.c_void_p or parameter == ctypes.POINTER(ctypes.c_void_p):
        return "(void *)0"
    if isinstance(parameter, type) and issubclass(parameter, ctypes.Structure):
        return f"*({parameter.__name__} *)0"
    if hasattr(parameter, "contents"):
        pointed = parameter._type_
        return f"({'size_t' if pointed is ctypes.c_size_t else pointed.__name__} *)0"
    return "0"


def test_functions_take_the_headers_parameters(tmp_path):
    lines = [f"(void)sizeof({name}({', '.join(map(c_value, parameters))}));"
             for name, (result, parameters) in _layout.PROTOTYPES.items() if result is not None]
    lines += [f"if (argc > 99) {name}({', '.join(map(c_value, parameters))});"
              for name, (result, parameters) in _layout.PROTOTYPES.items() if result is None]
    assert len(lines) == len(_layout.PROTOTYPES)
    compile_c(tmp_path, "int main(int argc, char **argv){(void)argv;" + "".join(lines) + "return 0;}")


def test_the_library_exports_the_api_alone():
    names = subprocess.run(["nm", "-D", "--defined-only", os.environ["MDLA_BUILD"] + "/format/libmdla.so"],
                           capture_output=True, text=True, check=True).stdout.split("\n")
    exported = {line.split()[-1] for line in names if line}
    headers = "".join((TOP / part).read_text() for part in (
        "codec/include/mdla/base.h", "format/include/mdla/mdla.h", "format/include/mdla/train.h"))
    assert len(exported) > 60
    assert [name for name in exported if f"{name}(" not in headers] == []


def test_a_library_of_another_version_is_refused(tmp_path):
    (tmp_path / "other.c").write_text('const char *mdla_version(void) { return "9.8.7"; }\n')
    subprocess.run([os.environ["MDLA_CC"], "-shared", "-fPIC", "-o", tmp_path / "other.so", tmp_path / "other.c"],
                   check=True)
    for library, words in ((tmp_path / "other.so", "is mdla 9.8.7, but this Python package is of"),
                           (tmp_path / "none.so", "set PYTHONPATH to build/python")):
        done = subprocess.run(["/usr/bin/python3", "-c", "import mdla"], capture_output=True, text=True, check=False,
                              env={**os.environ, "MDLA_LIBRARY": str(library)})
        assert done.returncode == 1 and "ImportError" in done.stderr and words in done.stderr


