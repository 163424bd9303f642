#!/usr/bin/python3
"""Manual pages and completions: every option the parser takes stands in each of them, and they work."""
import re
import shutil
import subprocess
import unittest

import cli

DOCUMENTS = cli.TOOLS / "documents"
PROGRAMS = sorted(p.name for p in cli.TOOLS.glob("mdla-*") if p.is_file())
LETTERS = "fnoqtvxzTO"


def long_options(text):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", text))


class Documents(cli.CliTest):
    def options(self, program):
        """The long options of a program, from the list that its manual page is made of."""
        text = self.good(program, "--help=mdoc").decode()
        return [line.replace("\\-", "--").split("Fl --")[1].split()[0]
                for line in text.splitlines() if line.startswith(".It ")]

    def page(self, program):
        return (DOCUMENTS / "man" / f"{program}.1").read_text()

    def test_every_program_has_them(self):
        self.assertGreaterEqual(len(PROGRAMS), 5)
        for program in PROGRAMS:
            for path in (f"man/{program}.1", f"bash/{program}", f"zsh/_{program}"):
                self.assertTrue((DOCUMENTS / path).is_file(), path)

    def test_the_parser_takes_what_is_described_and_nothing_else(self):
        described = {program: self.options(program) for program in PROGRAMS}
        known = set().union(*described.values())
        for program in PROGRAMS:
            for name in known:
                # A name that no option begins with follows, so that nothing is done.
                stderr = self.run_tool(program, f"--{name}=", "--~").stderr
                abbreviates = any(o.startswith(name) for o in described[program])
                self.assertEqual(f"unknown option --{name}" in stderr, not abbreviates, (program, name, stderr))
            letters = {line.split()[2] for line in self.good(program, "--help=mdoc").decode().splitlines()
                       if re.match(r"\.It Fl [a-zA-Z] ", line)}
            for letter in LETTERS:
                stderr = self.run_tool(program, f"-{letter}", "--~").stderr
                self.assertEqual(f"unknown option -{letter}" in stderr, letter not in letters, (program, letter))

    def test_every_option_is_in_every_form(self):
        for program in PROGRAMS:
            options = self.options(program)
            self.assertEqual(len(options), len(set(options)), program)
            self.assertIn("help", options)
            help_text = self.good(program, "--help").decode()
            words = {"quiet": "-q quiet", "verbose": "-v verbose", "help": "-h help", "version": "-V version",
                     "force": "-f force", "threads": "-T N threads", "output": "  -o "}
            page = self.page(program)
            self.assertIn(self.good(program, "--help=mdoc").decode().strip(), page)
            bash = (DOCUMENTS / "bash" / program).read_text()
            zsh = (DOCUMENTS / "zsh" / f"_{program}").read_text()
            for name in options:
                self.assertIn(words.get(name, f"--{name}"), help_text, program)
                self.assertIn(name, long_options(bash), program)
                self.assertRegex(zsh, rf"--{name}[\[=}}]", program)
            for name in long_options(help_text) | long_options(page.replace("\\-", "-")):
                self.assertTrue(name in options or any(name in self.options(p) for p in PROGRAMS),
                                f"{program} tells of --{name}, which nothing takes")

    def test_manual_pages_are_sound(self):
        checkers = [command for command in (["mandoc", "-Tlint", "-W", "warning"],
                                            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
                    if shutil.which(command[0])]
        if not checkers:
            self.skipTest("neither mandoc nor man is installed")
        for program in PROGRAMS:
            for command in checkers:
                done = subprocess.run([*command, DOCUMENTS / "man" / f"{program}.1"], capture_output=True, check=False)
                said = done.stderr + (done.stdout if command[0] == "mandoc" else b"")
                self.assertEqual((done.returncode, said), (0, b""), command)
            page = self.page(program)
            self.assertNotIn("@", page)
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
                self.assertIn(f".Sh {section}\n", page)


@unittest.skipUnless(shutil.which("bash"), "no bash")
class Bash(cli.CliTest):
    def complete(self, *words):
        """What bash offers for the last of the words, as it would split the line."""
        program = words[0]
        script = ('source "$1"; shift\n'
                  'spec=$(complete -p "$1"); [[ $spec == "complete -F "* ]] || exit 9\n'
                  'spec=${spec#complete -F }\n'
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
                  '"${spec%% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"\n'
                  'printf "%s\\n" "${COMPREPLY[@]}"\n')
        done = subprocess.run(["bash", "--norc", "--noprofile", "-c", script, "bash",
                               DOCUMENTS / "bash" / program, *words],
                              cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return sorted(done.stdout.split("\n")[:-1])

    def test_options(self):
        self.assertEqual(self.complete("mdla-enc", "a.npy", "--co"), ["--code", "--codebook", "--codebook-out", "--codes-in", "--codewords"])
        self.assertEqual(self.complete("mdla-enc", "--expe"), ["--expected-rows"])
        self.assertIn("-T", self.complete("mdla-dec", "-"))

    def test_values(self):
        self.assertEqual(self.complete("mdla-enc", "--model", ""), ["additive", "joint"])
        self.assertEqual(self.complete("mdla-enc", "--model", "=", "j"), ["joint"])
        self.assertEqual(self.complete("mdla-enc", "--model", "="), ["additive", "joint"])
        self.assertEqual(self.complete("mdla-train", "d.npy", "--arch", "b"), ["batchtopk"])
        self.assertEqual(self.complete("mdla-dec", "--help", "=", "z"), ["zsh"])
        self.assertEqual(self.complete("mdla-enc", "--fvu", ""), [""])

    def test_files_by_kind(self):
        for name in ("a.npy", "with space.npz", "b.mdla", "c.codebook", "d.txt", "e-ubyte.gz"):
            self.write(name, b"")
        (self.folder / "sae").mkdir()
        self.assertEqual(self.complete("mdla-dec", ""), ["b.mdla", "sae"])
        self.assertEqual(self.complete("mdla-enc", ""), ["a.npy", "e-ubyte.gz", "sae", "with space.npz"])
        self.assertEqual(self.complete("mdla-enc", "--codebook", ""), ["b.mdla", "c.codebook", "sae"])
        self.assertEqual(self.complete("mdla-enc", "--sae", "s"), ["sae"])
        self.assertEqual(self.complete("mdla-dec", "d"), ["d.txt"])  # where nothing fits, all there is
        self.assertEqual(self.complete("mdla-dec", "--", "--"), [""])


@unittest.skipUnless(shutil.which("zsh"), "no zsh: completion in it is not tried")
class Zsh(cli.CliTest):
    def test_completions_parse(self):
        for program in PROGRAMS:
            path = DOCUMENTS / "zsh" / f"_{program}"
            self.assertEqual(path.read_text().splitlines()[0], f"#compdef {program}")
            done = subprocess.run(["zsh", "-n", path], capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def complete(self, line):
        """What an interactive zsh makes of a line when Tab is pressed at its end."""
        script = r"""
            zmodload zsh/zpty
            zpty -b z zsh -f -i
            zpty -w z "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word"
            zpty -w z "line() { print -r -- \"[[\$BUFFER]]\"; zle .kill-whole-line }; zle -N line; bindkey '^X' line; print RE''ADY"
            repeat 600 { zpty -r -t z out && text+=$out; [[ $text == *READY* ]] && break; sleep 0.1 }
            zpty -w -n z "$2"$'\t\C-x'
            text=
            repeat 600 { zpty -r -t z out && text+=$out; [[ $text == *'[['*']]'* ]] && break; sleep 0.1 }
            print -r -- "$text"
            zpty -d z
        """
        done = subprocess.run(["zsh", "-f", "-c", script, "zsh", DOCUMENTS / "zsh", line], capture_output=True,
                              cwd=self.folder, timeout=200, check=True)
        return re.search(r"\[\[(.*?)\]\]", done.stdout.decode())[1].rstrip()

    def test_tab_completes(self):
        (self.folder / "rows.mdla").touch()
        (self.folder / "rows.txt").touch()
        for line, completed in (("mdla-dec --tokens", "mdla-dec --tokens-out="), ("mdla-dec --format del", "mdla-dec --format delphi"),
                                ("mdla-dec ro", "mdla-dec rows.mdla"), ("mdla-enc --model add", "mdla-enc --model additive")):
            self.assertEqual(self.complete(line), completed)

if __name__ == "__main__":
    cli.main()
