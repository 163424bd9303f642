#!/usr/bin/python3
"""What the programs show on a terminal: colours, the progress line; and that nothing of it goes elsewhere."""
import os
import re
import subprocess

import cli

CODEBOOK = cli.FIXTURE / "digits.codebook"


class Terminal(cli.CliTest):
    def on_terminal(self, name, *args, env=None):
        """Runs a program with standard error on a pseudo-terminal; returns its exit code and what was shown."""
        try:
            leader, follower = os.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo-terminal here: {error}")
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        environment.update({"TERM": "xterm"}, **(env or {}))
        process = subprocess.Popen([cli.TOOLS / name, *map(str, args)], cwd=self.folder, env=environment,
                                   stdout=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        shown = b""
        try:
            while data := os.read(leader, 65536):
                shown += data
        except OSError:
            pass  # Linux says so at the end
        os.close(leader)
        return process.wait(timeout=60), shown.decode()

    def test_errors_are_red_on_a_terminal_alone(self):
        red = "\x1b[1;31mmdla-info:\x1b[0m "
        self.assertEqual(self.on_terminal("mdla-info", "absent")[1].count(red), 1)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            code, shown = self.on_terminal("mdla-info", "absent", env=env)
            self.assertEqual((code, shown.startswith("mdla-info: absent"), "\x1b" in shown), (1, True, False))
        self.assertIn(red, self.on_terminal("mdla-info", "absent", env={"NO_COLOR": ""})[1])
        self.assertNotIn("\x1b", self.bad(1, "mdla-info", "absent", env={"TERM": "xterm"}))

    def test_progress_has_rate_and_time_left_and_is_cleared(self):
        args = [cli.FIXTURE / "digits.npy", "--codebook", CODEBOOK, "--step", "200", "--effort", "9", "-T1", "-o", "x.mdla", "-f"]
        code, shown = self.on_terminal("mdla-enc", *args)
        self.assertEqual(code, 0, shown)
        lines = shown.split("\r")
        self.assertTrue(any(re.fullmatch(r"mdla-enc: encode [\d,]+ rows \(\d+ %\), [\d,]+ rows/s, \d+:\d\d left\x1b\[K",
                                         line) for line in lines), lines)
        self.assertLessEqual(max(len(line) for line in lines[:-2]), 83)
        self.assertRegex(shown, "\r\x1b\\[Kmdla-enc: x.mdla: 2,500 rows in [^\r\n]*\r\n$")  # nothing is left of it
        self.assertEqual(self.on_terminal("mdla-dec", "x.mdla", "--test", "-q"), (0, ""))


if __name__ == "__main__":
    cli.main()
