#!/usr/bin/python3
"""Makes what several tests use: a codebook from 3,000 train digits, 2,500 test digits and their file."""
import gzip
import subprocess
import sys

import cli

ROWS = 2500


def main():
    cli.FIXTURE.mkdir(parents=True, exist_ok=True)
    with gzip.open(cli.TRAIN) as f:
        train = f.read(16 + 3000 * cli.DIMS)[16:]
    (cli.FIXTURE / "train.npy").write_bytes(cli.npy_bytes(train, (3000, cli.DIMS), "|u1"))
    (cli.FIXTURE / "digits.npy").write_bytes(cli.npy_bytes(cli.digits(0, ROWS), (ROWS, cli.DIMS), "|u1"))
    for command in (
            ["mdla-enc", "train.npy", "--sae", cli.SAE, "--fvu", "0.2", "--codebook-out", "digits.codebook", "-f"],
            ["mdla-enc", "digits.npy", "--codebook", "digits.codebook", "--fvu", "0.2", "-o", "digits.mdla", "-f"],
            ["mdla-enc", "digits.npy", "--codebook", "digits.codebook", "--fvu", "0.2", "--reference",
             "-o", "named.mdla", "-f"],
            ["mdla-dec", "digits.mdla", "-o", "decoded.npy", "-f"]):
        done = subprocess.run([cli.TOOLS / command[0], *command[1:]], cwd=cli.FIXTURE, check=False)
        if done.returncode != 0:
            sys.exit(f"prepare.py: {command} ended with {done.returncode}")


if __name__ == "__main__":
    main()
