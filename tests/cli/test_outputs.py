#!/usr/bin/python3
"""Outputs: existing files, full disks, unwritable folders, signals. Nothing half-written stays behind."""
import os
import signal
import subprocess
import time
import unittest

import cli

CODEBOOK = cli.FIXTURE / "digits.codebook"
DIGITS = cli.FIXTURE / "digits.npy"
FILE = cli.FIXTURE / "digits.mdla"


class Outputs(cli.CliTest):
    def test_existing_output_needs_force(self):
        for program, args in (("mdla-enc", [DIGITS, "--codebook", CODEBOOK, "-o", "x"]),
                              ("mdla-enc", [DIGITS, "--sae", cli.SAE, "--fvu", "0.3", "--codebook-out", "x"]),
                              ("mdla-dec", [FILE, "-o", "x"]),
                              ("mdla-dec", [FILE, "--codes", "-o", "x"])):
            self.write("x", b"precious")
            self.assertIn("x: exists already; give -f", self.bad(1, program, *args))
            self.assertEqual((self.folder / "x").read_bytes(), b"precious")
            self.assert_files("x")
        self.good("mdla-dec", FILE, "-o", "x", "-f")
        self.assertEqual((self.folder / "x").read_bytes(), (cli.FIXTURE / "decoded.npy").read_bytes())

    def test_what_is_read_isnt_overwritten(self):
        for name in ("d.npy", "e.npy"):
            self.write(name, DIGITS.read_bytes())
        self.write("x.mdla", FILE.read_bytes())
        self.write("cb", CODEBOOK.read_bytes())
        os.symlink("d.npy", self.folder / "link")
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        for program, args in (("mdla-enc", ["d.npy", "--codebook", "cb", "-o", "d.npy"]),
                              ("mdla-enc", ["e.npy", "d.npy", "--codebook", "cb", "-o", "./d.npy"]),
                              ("mdla-enc", ["link", "--codebook", "cb", "-o", "d.npy"]),
                              ("mdla-enc", ["d.npy", "--codebook", "cb", "-o", "cb"]),
                              ("mdla-dec", ["x.mdla", "-o", "x.mdla"]),
                              ("mdla-dec", ["x.mdla", "--codes", "-o", "x.mdla"]),
                              ("mdla-report", ["x.mdla", "-o", "x.mdla"]),
                              ("mdla-eval", ["d.npy", "--sae", cli.SAE, "--codes-out", "d.npy"])):
            self.assertIn("would be read and overwritten", self.bad(1, program, *args, "-f"))
            self.assertEqual({path.name: path.read_bytes() for path in self.folder.iterdir()}, before)

    def test_folder_that_is_missing(self):
        self.assertIn("No such file", self.bad(1, "mdla-dec", FILE, "-o", "none/x.npy"))
        self.assertIn("No such file", self.bad(1, "mdla-enc", DIGITS, "--codebook", CODEBOOK, "-o", "none/x.mdla"))

    @unittest.skipIf(os.geteuid() == 0, "root writes everywhere")
    def test_folder_that_is_locked(self):
        (self.folder / "locked").mkdir(mode=0o500)
        self.assertIn("Permission denied", self.bad(1, "mdla-dec", FILE, "-o", "locked/x.npy"))

    def test_full_disk(self):
        for program, args in (("mdla-enc", [DIGITS, "--codebook", CODEBOOK, "--step", "100", "-o", "/dev/full", "-f"]),
                              ("mdla-dec", [FILE, "-o", "/dev/full", "-f"]),
                              ("mdla-dec", [FILE, "--codes", "-o", "/dev/full", "-f"])):
            self.assertIn("/dev/full", self.bad(1, program, *args))
        with open("/dev/full", "wb") as full:
            for program, args in (("mdla-info", [FILE]), ("mdla-info", [FILE, "--features"]),
                                  ("mdla-eval", [DIGITS, FILE, "--json"]), ("mdla-info", ["--help"]),
                                  ("mdla-dec", [FILE, "-o", "-"]),
                                  ("mdla-enc", [DIGITS, "--codebook", CODEBOOK, "--step", "100", "-o", "-"])):
                done = subprocess.run([cli.TOOLS / program, *args], stdout=full, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 1, (program, args))
                self.assertIn(b"No space left", done.stderr, (program, args))

    def test_small_file_size_limit(self):
        def limit():
            import resource
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        self.bad(1, "mdla-dec", FILE, "-o", "x.npy", preexec_fn=limit)
        self.bad(1, "mdla-enc", DIGITS, "--codebook", CODEBOOK, "--step", "100", "-o", "x.mdla", preexec_fn=limit)
        self.assertIn("TMPDIR", self.bad(1, "mdla-enc", "-", "--codebook", CODEBOOK, "--fvu", "0.3", "-o", "x.mdla",
                                         stdin=DIGITS.read_bytes(), preexec_fn=limit))
        self.assert_files()

    def test_no_binary_on_a_terminal(self):
        try:
            leader, follower = os.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo-terminal here: {error}")
        try:
            for program, args in (("mdla-dec", [FILE, "-o", "-"]),
                                  ("mdla-enc", [DIGITS, "--codebook", CODEBOOK, "-o", "-"])):
                done = subprocess.run([cli.TOOLS / program, *args], stdout=follower, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"terminal", done.stderr)
        finally:
            os.close(leader)
            os.close(follower)

    def test_signals_stop_cleanly(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            args = [cli.TOOLS / "mdla-enc", *[cli.TRAIN] * 20, "--codebook", CODEBOOK, "--step", "100", "-o", "x.mdla"]
            process = subprocess.Popen(args, cwd=self.folder, stderr=subprocess.PIPE)
            deadline = time.monotonic() + 30
            while not list(self.folder.iterdir()) and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.3)
            process.send_signal(number)
            stderr = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, -number, stderr)
            self.assertIn(b"stopped", stderr)
            self.assert_files()

    def test_temporary_folder_stays_empty(self):
        self.good("mdla-enc", "-", "--codebook", CODEBOOK, "--fvu", "0.3", "-o", "x.mdla", "-q",
                  stdin=DIGITS.read_bytes(), env={"TMPDIR": str(self.folder)})
        self.assert_files("x.mdla")


if __name__ == "__main__":
    cli.main()
