"""cmake --install: headers, libraries, pkg-config files and the package work from the prefix."""
import os
import pathlib
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", os.environ["MDLA_BUILD"], "--prefix", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def clean():
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MDLA_LIBRARY")}


def test_the_package_finds_the_installed_library(prefix):
    package, = prefix.rglob("dist-packages/mdla")
    link, = package.glob("libmdla.so.*")
    assert not os.path.isabs(os.readlink(link)) and link.resolve().is_relative_to(prefix.resolve())
    done = subprocess.run(["/usr/bin/python3", "-c", "import mdla, os; print(mdla.__file__, mdla._library.lib._name)"],
                          capture_output=True, text=True, check=True, env={**clean(), "PYTHONPATH": str(package.parent)})
    where, library = done.stdout.split()
    assert pathlib.Path(where) == package / "__init__.py" and pathlib.Path(library) == link


@pytest.mark.parametrize("library", ["mdla", "mdla_dec"])
def test_a_c_program_builds_with_pkg_config(prefix, library, example):
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config is missing (Debian: pkg-config)")
    pathlib.Path("rows.c").write_text(
        '#include <mdla/mdla.h>\n#include <stdio.h>\n'
        'int main(int argc, char **argv) {\n'
        '    mdla_source s; mdla_decoder *d; mdla_file_info i;\n'
        '    if (argc != 2 || mdla_source_file(argv[1], &s, NULL) || mdla_decoder_open(NULL, s, "f", NULL, &d, NULL))\n'
        '        return 1;\n'
        '    mdla_decoder_query(d, &i);\n'
        '    mdla_decoder_close(d);\n'
        '    printf("%s %d\\n", mdla_version(), (int)i.rows);\n'
        '    return 0;\n}\n')
    place, = prefix.rglob("pkgconfig")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", library], capture_output=True, text=True, check=True,
                           env={**clean(), "PKG_CONFIG_PATH": str(place)}).stdout.split()
    subprocess.run([os.environ["MDLA_CC"], "rows.c", "-o", "rows", *flags], check=True)
    done = subprocess.run(["./rows", example.file], capture_output=True, text=True, check=True,
                          env={**clean(), "LD_LIBRARY_PATH": str(place.parent)})
    assert done.stdout.split()[1] == "400"
