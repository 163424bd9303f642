#!/usr/bin/python3
"""Peak resident memory of encode and decode doesn't grow with the rows: 60,000 against 600,000.

The 600,000 rows are the train digits ten times, as shards. Input pages that are mapped don't count, so the
measure is the peak of anonymous memory, which Linux shows as RssAnon while a program runs.
"""
import pathlib
import subprocess
import sys
import time

import cli

CODEBOOK = cli.FIXTURE / "digits.codebook"
LIMIT_KB = 2048


def anonymous_kb(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


@cli.unittest.skipUnless(sys.platform == "linux", "reads /proc")
class Memory(cli.CliTest):
    def peak(self, *command):
        """Runs a program; returns the largest anonymous memory seen, in KiB."""
        process = subprocess.Popen([cli.TOOLS / command[0], *map(str, command[1:])], cwd=self.folder,
                                   stderr=subprocess.PIPE)
        peak = 0
        while process.poll() is None:
            peak = max(peak, anonymous_kb(process.pid))
            time.sleep(0.002)
        self.assertEqual(process.returncode, 0, process.stderr.read())
        process.stderr.close()
        return peak

    def test_peak_does_not_grow_with_rows(self):
        encode, decode = [], []
        for shards in (1, 10):
            encode.append(self.peak("mdla-enc", *[cli.TRAIN] * shards, "--codebook", CODEBOOK, "--step", "200", "-q",
                                    "-o", "x.mdla", "-f", "-T", "2"))
            decode.append(self.peak("mdla-dec", "x.mdla", "-o", "/dev/null", "--raw", "-f", "-q", "-T", "2"))
        print(f"encode {encode[0]} KiB and {encode[1]} KiB, decode {decode[0]} KiB and {decode[1]} KiB")
        self.assertLess(encode[1] - encode[0], LIMIT_KB)
        self.assertLess(decode[1] - decode[0], LIMIT_KB)


if __name__ == "__main__":
    cli.main()
